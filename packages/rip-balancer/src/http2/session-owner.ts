import type { Abuse } from './abuse-budget.ts'
import type { PeerSettings } from './settings.ts'
import type { Http2Stream } from './stream.ts'

/** What the owner of a connection hears. */
export interface SessionOwner {
  /** The peer's SETTINGS have come, for the first time or again. */
  settings(peer: PeerSettings): void
  /**
   * A complete header block, which has to be decoded whatever becomes of it, as later ones depend on it (RFC 7541 §2.2).
   *
   * @param stream `undefined` when the fields are of no interest. A request of a client comes on a stream without an owner:
   * it is given one here, or reset
   * @param endsStream whether no data follows; `StreamOwner.ended` is called after this
   * @returns `ERROR.none`, or the error that ends the connection
   */
  fields(
    stream: Http2Stream | undefined,
    block: Buffer,
    from: number,
    to: number,
    endsStream: boolean,
  ): number
  /** A client has begun a request on a stream without an owner, with a head that is too long to be decoded. */
  headTooLong(stream: Http2Stream, endsStream: boolean): void
  /** No more streams can be opened here; those open go on. */
  goingAway(): void
  /** One side goes away, and the last stream is over. */
  drained(): void
  /** The peer does what costs more than it brings; the connection is about to be closed. */
  abused(kind: Abuse): void
  /** The connection is over, and all streams were told: the socket is to be closed. @param code see `ERROR` */
  closed(code: number, reason: string): void
}
