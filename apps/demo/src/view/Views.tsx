import { signal } from '@preact/signals'

const views = [['mesh', 'Mesh'], ['board', 'Board'], ['history', 'History']] as const
export type ViewName = typeof views[number][0]

/** What the page shows beside the chat. */
export const view = signal<ViewName>(remembered())

/** The way from one view to another. */
export function Views() {
  return (
    <nav class="views" aria-label="Views">
      {views.map(([name, label]) => (
        <button key={name} type="button" class="view-button" aria-current={view.value === name ? 'page' : undefined} onClick={() => show(name)}>{label}</button>
      ))}
    </nav>
  )
}

function show(name: ViewName): void {
  view.value = name
  try {
    sessionStorage.setItem('view', name)
  } catch {
    // Storage may be switched off; a reload then shows the mesh.
  }
}

function remembered(): ViewName {
  try {
    return views.find(([name]) => name === sessionStorage.getItem('view'))?.[0] ?? 'mesh'
  } catch {
    return 'mesh'
  }
}
