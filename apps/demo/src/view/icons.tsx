// Line icons, drawn for this page on a grid of 20.

const paths = {
  camera: <><rect x="2.5" y="5.5" width="10" height="9" rx="2" /><path d="m12.5 9 5-2.6v7.2l-5-2.6" /></>,
  cameraOff: <><path d="M6 5.500h4.500a2 2 0 0 1 2 2V12m-1 2.300a2 2 0 0 1-1 .2h-6a2 2 0 0 1-2-2v-5a2 2 0 0 1 1-1.700M12.5 9l5-2.600v7.200l-3-1.500M2.5 2.500l15 15" /></>,
  microphone: <><rect x="7.5" y="2.5" width="5" height="9" rx="2.5" /><path d="M4.5 9.500a5.5 5.5 0 0 0 11 0M10 15v2.5" /></>,
  microphoneOff: <><path d="M12.5 8V5a2.5 2.5 0 0 0-4.6-1.300M7.5 7.500V9a2.5 2.5 0 0 0 3.7 2.200M4.5 9.500a5.5 5.5 0 0 0 8.7 4.500m2-2.400a5.5 5.5 0 0 0 .3-2.100M10 15v2.500M2.5 2.500l15 15" /></>,
  flip: <><path d="M3 8a7 7 0 0 1 12.2-2.500L17 7.500M17 3.500v4h-4M17 12A7 7 0 0 1 4.8 14.500L3 12.500m0 4v-4h4" /></>,
  stop: <><rect x="5" y="5" width="10" height="10" rx="1.5" /></>,
  leave: <><path d="M8 3.500H5a1.5 1.5 0 0 0-1.5 1.500v10A1.5 1.5 0 0 0 5 16.500h3M12.5 6.5 16 10l-3.5 3.500M16 10H8" /></>,
  attach: <><path d="m16 9.5-6 6a3.7 3.7 0 0 1-5.3-5.300l6.3-6.200a2.5 2.5 0 0 1 3.5 3.500L8.3 13.700a1.2 1.2 0 0 1-1.7-1.700l5.4-5.4" /></>,
  send: <><path d="M3.5 10 16.5 3.5 13 16.500l-3-5.500zM10 11l6.5-7.5" /></>,
  file: <><path d="M11.5 2.500H6A1.5 1.5 0 0 0 4.5 4v12A1.5 1.5 0 0 0 6 17.500h8a1.5 1.5 0 0 0 1.5-1.500V6.500zM11.5 2.500v4h4" /></>,
  download: <><path d="M10 3v9.500m-4-4 4 4 4-4M3.5 16.500h13" /></>,
  invite: <><circle cx="8" cy="6.5" r="3.2" /><path d="M2.5 16.500c.4-3.2 2.6-5 5.5-5 1.3 0 2.5.4 3.4 1M14.5 11v6m-3-3h6" /></>,
  copy: <><rect x="7" y="7" width="9.5" height="9.5" rx="1.5" /><path d="M13 7V5a1.5 1.5 0 0 0-1.5-1.500H5A1.5 1.5 0 0 0 3.5 5v6.500A1.5 1.5 0 0 0 5 13h2" /></>,
  close: <><path d="m5 5 10 10M15 5 5 15" /></>,
  pen: <><path d="m12.5 4.5 3 3L7 16l-3.7.7L4 13z" /></>,
  check: <><path d="m4 10.5 4 4 8-9" /></>,
  plus: <path d="M10 4v12M4 10h12" />,
  left: <path d="M16 10H4.5m5-5-5 5 5 5" />,
  right: <path d="M4 10h11.5m-5-5 5 5-5 5" />,
  grip: <path d="M7.5 5v.1M12.5 5v.1M7.5 10v.1M12.5 10v.1M7.5 15v.1M12.5 15v.1" stroke-width="2.2" />,
  bin: <path d="M4 6h12M8 6V4h4v2M5.500 6l.7 10h7.600l.7-10M8.500 9v4.500m3-4.500v4.500" />,
  warning: <><path d="M10 3.5 17.5 16h-15zM10 8.500v3.500m0 2v.2" /></>,
  enlarge: <><path d="M12 3.500h4.500V8M8 16.500H3.500V12M16.5 3.5 11.5 8.500m-8 8 5-5" /></>,
  sound: <><path d="M3.5 8v4h3l4 3.500v-11L6.5 8zM13.5 7.500a3.5 3.5 0 0 1 0 5M15.5 5a7 7 0 0 1 0 10" /></>,
} as const

export type IconName = keyof typeof paths

export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 20 20" fill="none" stroke="currentColor" stroke-width="1.5" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">
      {paths[name]}
    </svg>
  )
}

/** Three threads that cross: the mark of the page. */
export function Mark() {
  return (
    <svg class="mark" viewBox="0 0 32 32" fill="none" stroke-width="2.6" stroke-linecap="round" aria-hidden="true">
      <path class="mark-a" d="M5 8c8 0 8 16 22 16" />
      <path class="mark-b" d="M5 24c14 0 14-16 22-16" />
      <g class="mark-pins"><circle cx="5" cy="8" r="2.8" /><circle cx="27" cy="24" r="2.8" /><circle cx="5" cy="24" r="2.8" /><circle cx="27" cy="8" r="2.8" /></g>
    </svg>
  )
}
