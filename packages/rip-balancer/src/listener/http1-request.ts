import { Trailers } from '../forwarding/trailers.ts'
import { acceptsTrailers } from '../http1/accepts-trailers.ts'
import type { Framing } from '../http1/body-framing.ts'
import { ChunkedDecoder } from '../http1/chunked-decoder.ts'
import { statusOf } from '../http1/fault.ts'
import type { HeadLimits } from '../http1/field-section.ts'
import type { RequestHead } from '../http1/request-head.ts'
import { requestedUpgrade } from '../http1/upgrade.ts'

/** Takes what a client sends behind the head of its request: an exchange. */
export interface BodySink {
  /** Whether body or tunnel bytes can be taken now. */
  readonly wantsInput: boolean
  take(bytes: Buffer, from: number, to: number): void
  bodyEnded(trailers: Trailers | undefined): void
  bodyRefused(status: number): void
}

/**
 * The request under way on a connection of HTTP/1.1: what its head asks of the connection, and which of the bytes behind
 * the head are its body (RFC 9112 §6, §7). A connection has one such object and uses it for all its requests.
 */
export class Http1Request {
  /** Protocol the client asks to switch to, if that is allowed. */
  upgrade: string | undefined
  /** Whether the client wants trailer fields of the response. */
  takesTrailers = false
  /** Whether all of it has been read: the next byte belongs to another request. */
  isComplete = false
  private head: RequestHead | undefined
  private framing: Framing | 'tunnel' = 'none'
  /** Bytes of a body of declared length that are still to come. */
  private remaining = 0
  private decoder: ChunkedDecoder | undefined
  private readonly limits: HeadLimits
  private readonly upgrades: readonly string[]

  /** @param limits of trailer sections @param upgrades protocols a client may switch to, in lower case */
  constructor(limits: HeadLimits, upgrades: readonly string[]) {
    this.limits = limits
    this.upgrades = upgrades
  }

  /** Begins with a head that passed all checks. */
  begin(head: RequestHead): void {
    this.head = head
    this.upgrade = requestedUpgrade(head, this.upgrades)
    this.takesTrailers = acceptsTrailers(head)
    this.framing = head.body.framing
    this.remaining = head.body.length
    this.isComplete = !head.hasBody
    if (this.framing === 'chunked') this.beginChunks(head)
  }

  /** The request is malformed or too slow: what follows has no meaning. */
  refuse(): void {
    this.head = this.upgrade = undefined
    this.takesTrailers = this.isComplete = false
  }

  /** The connection has become a tunnel: it has no body, and all that follows is passed on. */
  becomeTunnel(): void {
    this.framing = 'tunnel'
  }

  /**
   * Hands bytes behind the head over to the exchange, without their framing, for as long as it wants them.
   *
   * @returns where the rest begins: of the body, or of the next request
   */
  take(bytes: Buffer, from: number, to: number, sink: BodySink): number {
    if (this.framing === 'chunked') return this.takeChunks(bytes, from, to, sink)
    if (this.framing === 'length') return this.takeRun(bytes, from, to, sink)
    sink.take(bytes, from, to)
    return to
  }

  private takeRun(bytes: Buffer, from: number, to: number, sink: BodySink): number {
    const end = Math.min(to, from + this.remaining)
    this.remaining -= end - from
    this.isComplete = this.remaining === 0
    sink.take(bytes, from, end)
    if (this.isComplete) sink.bodyEnded(undefined)
    return end
  }

  private beginChunks({ connection }: RequestHead): void {
    connection.keepNames(this.head!)
    ;(this.decoder ??= new ChunkedDecoder(this.limits)).reset()
  }

  private takeChunks(bytes: Buffer, from: number, to: number, sink: BodySink): number {
    const decoder = this.decoder!
    let at = from
    while (at < to && sink.wantsInput) {
      const event = decoder.next(bytes, at, to)
      if (event === 'more') return to
      if (event === 'refused') return this.refuseBody(decoder, to, sink)
      at = decoder.at
      if (event === 'end') return this.endChunks(decoder, at, sink)
      sink.take(bytes, decoder.dataStart, decoder.dataEnd)
    }
    return at
  }

  private refuseBody({ fault }: ChunkedDecoder, to: number, sink: BodySink): number {
    sink.bodyRefused(statusOf(fault!))
    return to
  }

  private endChunks({ trailers }: ChunkedDecoder, at: number, sink: BodySink): number {
    this.isComplete = true
    sink.bodyEnded(trailers.count === 0 ? undefined : new Trailers(trailers, this.head!.connection))
    return at
  }
}
