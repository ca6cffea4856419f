/** The actions of a block, by store. */
import type { StoreAction } from './actions.js'
import type { PlacedAction } from './source.js'

/** Sorts a block's actions by store; each keeps its number among all. */
export function placedActions(list: readonly StoreAction[]): ReadonlyMap<string, readonly PlacedAction[]> {
  const byStore = new Map<string, PlacedAction[]>()
  list.forEach(({ store, action }, at) => {
    const placed = byStore.get(store)
    if (placed === undefined) byStore.set(store, [{ at, action }])
    else placed.push({ at, action })
  })
  return byStore
}
