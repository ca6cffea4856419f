// Numbers as a person reads them.

const number = (value: number) => (value >= 100 ? Math.round(value).toString() : value.toFixed(value >= 10 ? 0 : 1))

/** `820 B`, `4.2 KB`, `31 MB`. */
export function bytes(count: number): string {
  if (count < 1000) return `${Math.round(count)} B`
  if (count < 1e6) return `${number(count / 1e3)} KB`
  if (count < 1e9) return `${number(count / 1e6)} MB`
  return `${number(count / 1e9)} GB`
}

/** `0.6 ms`, `84 ms`, `1.2 s`. */
export function delay(ms: number): string {
  if (ms < 1) return '<1 ms'
  return ms < 1000 ? `${number(ms).replace(/\.0$/, '')} ms` : `${number(ms / 1000)} s`
}

/** `340 ms`, `4.2 s`, `12 s`, `3 min 5 s`, `2 h 10 min`. */
export function duration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`
  const seconds = ms / 1000
  if (seconds < 10) return `${seconds.toFixed(1)} s`
  if (seconds < 60) return `${Math.round(seconds)} s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return `${minutes} min ${Math.round(seconds - minutes * 60)} s`
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}

/** `14:05`, as the reader's language has it. */
export function clock(time: number): string {
  return new Date(time).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' })
}

/** `1 person`, `3 people`. */
export function people(count: number): string {
  return count === 1 ? '1 person' : `${count} people`
}

/** `Ada`, `Ada and Grace`, `Ada, Grace and 2 others`. */
export function names(list: readonly string[]): string {
  if (list.length <= 1) return list[0] ?? 'nobody'
  if (list.length <= 3) return `${list.slice(0, -1).join(', ')} and ${list.at(-1)}`
  return `${list.slice(0, 2).join(', ')} and ${list.length - 2} others`
}

/** `1 block`, `3 blocks`. */
export function counted(count: number, noun: string): string {
  return `${count.toLocaleString()} ${noun}${count === 1 ? '' : 's'}`
}
