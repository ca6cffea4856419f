/** What a dispatched action's receipt says. */
import { MeshError } from '../errors.js'
import type { Receipt } from '../ledger/types.js'
import type { WrittenBlock } from './source.js'

/**
 * The members of a receipt as properties for an object that carries the action too. The promises are
 * made when they are asked for: who dispatches thousands of actions looks at few of them.
 */
export function receiptOf(
  dispatched: { readonly block: WrittenBlock | MeshError | undefined },
  written: Promise<void>,
): { [name in keyof Receipt]: PropertyDescriptor } {
  const block = async (): Promise<WrittenBlock> => {
    await written
    const { block } = dispatched
    if (block instanceof MeshError) throw block
    return block!
  }
  return {
    written: { get: () => block().then(({ id }) => id) },
    stored: { get: () => block().then((block) => block.stored()) },
    seenBy: {
      value: (count: number, options?: { signal?: AbortSignal }) =>
        block().then((block) => block.seenBy(count, options?.signal)),
    },
  }
}
