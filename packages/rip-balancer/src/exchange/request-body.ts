import type { BodyFraming, Framing } from '../http1/body-framing.ts'
import type { ConnectionOptions } from '../http1/connection-options.ts'
import { ChunkedDecoder } from '../http1/chunked-decoder.ts'
import type { Fault } from '../http1/fault.ts'
import type { UpstreamExchange } from '../upstream/upstream-exchange.ts'
import { Trailers } from '../forwarding/trailers.ts'
import type { Limits } from '../settings/limits.ts'

/** Runs that are kept are joined up to this size, as a run of one byte would occupy a hundred. */
const SMALL_BYTES = 1024

/** The body of one request on its way to the backend: decoded, counted, bounded, and kept as long as it may have to be sent again. */
export class RequestBody {
  /** Body bytes received. */
  received = 0
  /** The body is complete. */
  done = true
  fault: Fault | undefined = undefined
  /** Its beginning was read before there was a backend to send it to. */
  gathered = false
  private readonly limits: Limits
  /** Whether trailer fields reach the backend. */
  readonly passesTrailers: boolean
  private framing: Framing = 'none'
  private remaining = 0
  private decoder: ChunkedDecoder | undefined
  private kept: Buffer[] = []
  private keptBytes = 0
  private keeps = false
  private keepLimit = 0
  private givenUp = false
  private options: ConnectionOptions | undefined

  constructor(limits: Limits, passesTrailers: boolean) {
    this.limits = limits
    this.passesTrailers = passesTrailers
  }

  /** @param options of the head: trailers named there are not passed on */
  begin(body: BodyFraming, options?: ConnectionOptions): void {
    this.options = options
    this.framing = body.framing
    this.remaining = body.length
    this.done = body.framing !== 'chunked' && body.length === 0
    this.received = 0
    this.fault = undefined
    this.givenUp = this.gathered = false
    this.forget()
    if (body.framing === 'chunked') (this.decoder ??= new ChunkedDecoder(this.limits)).reset()
  }

  /** Nothing more of the body will be read. */
  giveUp(): void {
    this.givenUp = true
    this.done = true
    this.forget()
  }

  /** Whether the client's bytes for this request have all been read. */
  get isWhole(): boolean {
    return this.done && !this.givenUp
  }

  /** Keeps what is sent from now on, so that it can be sent again, while it fits. */
  keep(): void {
    this.keeps = true
    this.keepLimit = this.limits.maxReplayBytes
    if (this.keptBytes > this.keepLimit) this.forget()
  }

  /** Prepares for `gather`. @param maxBytes how much may be gathered */
  beginGathering(maxBytes: number): void {
    this.gathered = this.keeps = true
    this.keepLimit = maxBytes
  }

  /** Whether no more can be gathered. */
  get isGathered(): boolean {
    return this.done || this.keptBytes >= this.keepLimit
  }

  /** Takes body bytes like `take`, and keeps them for `replay`. */
  gather(chunk: Buffer, from: number, to: number): number {
    return this.take(chunk, from, Math.min(to, from + this.keepLimit - this.keptBytes), undefined)
  }

  /** A second attempt is out of the question: lets go of what was kept. */
  forget(): void {
    this.keeps = false
    this.keptBytes = 0
    if (this.kept.length > 0) this.kept = []
  }

  /** Whether it looks at bytes it has taken. */
  get holds(): boolean {
    return this.kept.length > 0
  }

  /** Whether everything sent so far can be sent again. */
  get isReplayable(): boolean {
    return this.received === 0 || this.keeps
  }

  /** Sends what was gathered, or sends again what was sent to another connection. */
  replay(upstream: UpstreamExchange): void {
    for (const bytes of this.kept) upstream.data(bytes, 0, bytes.length)
  }

  /** Fields behind a body that is done, if they are passed on. */
  get trailers(): Trailers | undefined {
    if (!this.passesTrailers || this.framing !== 'chunked') return undefined
    const { trailers } = this.decoder!
    return trailers.count === 0 ? undefined : new Trailers(trailers, this.options)
  }

  /**
   * Takes body bytes from `chunk[from, to)` and sends them on.
   *
   * @returns where the body's bytes end in the input, or -1 when the body is refused, see `fault`
   */
  take(chunk: Buffer, from: number, to: number, upstream: UpstreamExchange | undefined): number {
    return this.framing === 'chunked'
      ? this.takeChunks(chunk, from, to, upstream)
      : this.takeRun(chunk, from, to, upstream)
  }

  private takeRun(chunk: Buffer, from: number, to: number, upstream: UpstreamExchange | undefined): number {
    const end = Math.min(to, from + this.remaining)
    this.remaining -= end - from
    this.accept(upstream, chunk, from, end)
    this.done = this.remaining === 0
    return end
  }

  private takeChunks(
    chunk: Buffer,
    from: number,
    to: number,
    upstream: UpstreamExchange | undefined,
  ): number {
    const decoder = this.decoder!
    let event = decoder.next(chunk, from, to)
    while (event === 'data') {
      this.accept(upstream, chunk, decoder.dataStart, decoder.dataEnd)
      if (this.received > this.limits.maxBodyBytes) return this.refuse('body-too-large')
      event = decoder.next(chunk, decoder.at, to)
    }
    if (event === 'refused') return this.refuse(decoder.fault!)
    if (event === 'more') return to
    this.done = true
    return decoder.at
  }

  private refuse(fault: Fault): number {
    this.fault = fault
    return -1
  }

  private accept(upstream: UpstreamExchange | undefined, bytes: Buffer, from: number, to: number): void {
    this.received += to - from
    if (this.keeps) this.keepRun(bytes, from, to)
    upstream?.data(bytes, from, to)
  }

  private keepRun(bytes: Buffer, from: number, to: number): void {
    this.keptBytes += to - from
    if (this.keptBytes > this.keepLimit) return this.forget()
    const run = bytes.subarray(from, to)
    const last = this.kept.at(-1)
    if (last === undefined || last.length + run.length > SMALL_BYTES) this.kept.push(run)
    else this.kept[this.kept.length - 1] = Buffer.concat([last, run])
  }
}
