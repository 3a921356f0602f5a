import { MAX_31_BITS } from './frame-type.ts'
import { OpenStreams } from './open-streams.ts'
import type { Role } from './settings.ts'
import type { Http2Stream } from './stream.ts'

/** So many streams that this side has reset are remembered, as frames may be under way for them. */
const REMEMBERED_RESETS = 1_024
const REMEMBERED_GAPS = 16

/**
 * What is known of an identifier.
 *
 * - `idle`: neither side has used it;
 * - `not-ours`: the other side cannot use it, or has left it out, and can never use it (RFC 9113 §5.1.1);
 * - `reset-here`: this side has reset the stream, and ignores what was under way;
 * - `closed`: the stream is over.
 */
export type PastOfStream = 'idle' | 'not-ours' | 'reset-here' | 'closed'

/** The streams of a connection by their identifiers, and what has to be remembered of those that are over. */
export class StreamTable {
  /** The highest stream of the peer; 0 when there was none, as always where the peer is a server. */
  lastPeerId = 0
  private readonly role: Role
  private readonly open = new OpenStreams<Http2Stream>()
  private readonly resetHere = new Set<number>()
  private readonly gaps: { readonly after: number; readonly before: number }[] = []
  /** Streams that were reset, and whose owners are not done. */
  private readonly held = new Set<Http2Stream>()
  private nextId = 1

  constructor(role: Role) {
    this.role = role
  }

  /** Streams that are open. */
  get size(): number {
    return this.open.size
  }

  /** Whether there are no more identifiers for streams of a client. */
  get isUsedUp(): boolean {
    return this.nextId > MAX_31_BITS
  }

  get(id: number): Http2Stream | undefined {
    return this.open.get(id)
  }

  /** All that are open; they may be removed meanwhile. */
  all(): Http2Stream[] {
    return this.open.list()
  }

  /** Called now and then: a connection without streams keeps no room for them. */
  tick(): void {
    if (this.open.size === 0) this.open.clear()
  }

  /** Streams that are open, or whose owners are not done with them. */
  get places(): number {
    return this.open.size + this.held.size
  }

  /** Identifier for a stream that this side begins. */
  takeId(): number {
    const id = this.nextId
    this.nextId += 2
    return id
  }

  add(stream: Http2Stream): void {
    this.open.add(stream)
  }

  /** The peer has begun a stream, which implies that it does not use those it has left out. */
  addOfPeer(stream: Http2Stream): void {
    this.leaveOut(stream.id)
    this.open.add(stream)
  }

  /** The peer has begun a stream that is not taken. */
  leaveOut(id: number): void {
    const after = this.lastPeerId === 0 ? -1 : this.lastPeerId
    if (id - after > 2) this.gaps.push({ after, before: id })
    if (this.gaps.length > REMEMBERED_GAPS) this.gaps.shift()
    this.lastPeerId = id
  }

  remove(id: number): void {
    this.open.remove(id)
  }

  /** A client's stream has been reset: a backend may go on with what its client does not want any more. */
  holdPlace(stream: Http2Stream): void {
    if (this.role === 'client' || stream.owner === undefined) return
    this.held.add(stream)
  }

  /** The owner of a stream is done with it. @returns whether it held a place */
  releasePlace(stream: Http2Stream): boolean {
    return this.held.delete(stream)
  }

  /** This side has reset the stream. */
  rememberReset(id: number): void {
    this.resetHere.add(id)
    if (this.resetHere.size <= REMEMBERED_RESETS) return
    for (const oldest of this.resetHere) return void this.resetHere.delete(oldest)
  }

  /** What is known of an identifier that is not open. */
  past(id: number): PastOfStream {
    if (id % 2 === 0) return 'not-ours'
    if (id >= (this.role === 'client' ? this.nextId : this.lastPeerId + 1)) return 'idle'
    if (this.resetHere.has(id)) return 'reset-here'
    return this.gaps.some(({ after, before }) => after < id && id < before) ? 'not-ours' : 'closed'
  }
}
