import type { ResponseHead } from '../http1/response-head.ts'

/** A longer block is not remembered. */
const REMEMBERED_BYTES = 256
/** Both are powers of two. */
const PLACES = 128
const SEEN = 1_024
const HASH_SEED = 0x811c9dc5
const HASH_PRIME = 0x01000193

/** A head, and the bytes that say it. */
interface Remembered {
  readonly hash: number
  readonly block: Buffer
  readonly head: ResponseHead
}

/**
 * Heads by the bytes of their blocks. What has come twice is remembered, each in the place its hash says, so that what comes
 * once, as a head with an id, pushes nothing out. A table of texts would be slower by a twentieth of what a request costs
 * (`bench/data-plane`, lanes-small): a text has to be made of each block.
 */
export class HeadMemo {
  private readonly places: (Remembered | undefined)[] = Array.from({ length: PLACES })
  /** Hashes of blocks that have come once lately. */
  private readonly seen = new Int32Array(SEEN)
  /** Of the block that was looked for last. */
  private hash = 0

  /** @param kind what the meaning of a block depends on beside its bytes @returns the head, if it is remembered */
  find(block: Buffer, from: number, to: number, kind: number): ResponseHead | undefined {
    if (to - from > REMEMBERED_BYTES) return undefined
    const hash = (this.hash = hashOf(block, from, to, kind))
    const known = this.places[hash & (PLACES - 1)]
    if (known === undefined || known.hash !== hash || !isSame(known.block, block, from, to)) return undefined
    return known.head
  }

  /** Remembers the head of the block that was looked for last and not found, if that has come before. */
  add(block: Buffer, from: number, to: number, head: ResponseHead): void {
    if (to - from > REMEMBERED_BYTES) return
    const { hash, seen } = this
    const at = hash & (SEEN - 1)
    if (seen[at] !== hash) seen[at] = hash
    else this.places[hash & (PLACES - 1)] = { hash, block: Buffer.from(block.subarray(from, to)), head }
  }
}

/** Each step can be undone, so that the same bytes have another hash for each kind: the kind need not be remembered. */
function hashOf(bytes: Buffer, from: number, to: number, kind: number): number {
  let hash = HASH_SEED ^ kind
  for (let at = from; at < to; at++) hash = Math.imul(hash ^ bytes[at]!, HASH_PRIME)
  return hash ^ (hash >>> 15)
}

function isSame(known: Buffer, bytes: Buffer, from: number, to: number): boolean {
  if (known.length !== to - from) return false
  for (let at = 0; at < known.length; at++) if (known[at] !== bytes[from + at]) return false
  return true
}
