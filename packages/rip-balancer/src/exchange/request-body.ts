import type { Trailers } from '../forwarding/trailers.ts'
import type { Limits } from '../settings/limits.ts'
import type { UpstreamExchange } from '../upstream/upstream-exchange.ts'

/** Runs that are kept are joined up to this size, as a run of one byte would occupy a hundred. */
const SMALL_BYTES = 1024
/** What is kept of most bodies; it is never written to. */
const NOTHING: Buffer[] = []

/** The body of one request on its way to the backend: counted, bounded, and kept as long as it may have to be sent again. */
export class RequestBody {
  /** Body bytes received. */
  received = 0
  /** The body is complete, or no more of it is taken. */
  done = true
  /** Fields behind the body that are passed on. */
  trailers: Trailers | undefined
  /** Its beginning was read before there was a backend to send it to. */
  gathered = false
  private readonly limits: Limits
  /** The first run that is kept is `[firstFrom, firstTo)` of this: mostly there is no other, and cutting it out takes as long as sending it. */
  private first: Buffer | undefined = undefined
  private firstFrom = 0
  private firstTo = 0
  /** All runs, once there are several. */
  private kept: Buffer[] = NOTHING
  private keptBytes = 0
  private keeps = false
  private gatherBytes = 0

  constructor(limits: Limits) {
    this.limits = limits
  }

  /** Forgets the previous request. @param isExpected whether this one has a body */
  begin(isExpected: boolean): void {
    this.done = !isExpected
    this.received = 0
    this.trailers = undefined
    this.gathered = false
    this.forget()
  }

  /** Nothing more of the body is taken. */
  giveUp(): void {
    this.done = true
    this.forget()
  }

  /** Keeps what is sent from now on, so that it can be sent again, while it fits. @param hasBegun see `UpstreamExchange` */
  keep(hasBegun: boolean): void {
    this.keeps = true
    if (hasBegun && this.keptBytes > this.limits.maxReplayBytes) this.forget()
  }

  /** Prepares for `gather`. @param bytes how much is gathered, and what came with the last of it */
  beginGathering(bytes: number): void {
    this.gathered = this.keeps = true
    this.gatherBytes = bytes
  }

  /** Whether no more is gathered. */
  get isGathered(): boolean {
    return this.done || this.keptBytes >= this.gatherBytes
  }

  /** Keeps body bytes for `replay`. @returns whether the body is still as small as it has to be */
  gather(bytes: Buffer, from: number, to: number): boolean {
    this.received += to - from
    this.keepRun(bytes, from, to)
    return this.received <= this.limits.maxBodyBytes
  }

  /** A second attempt is out of the question: lets go of what was kept. */
  forget(): void {
    this.keeps = false
    this.keptBytes = 0
    this.first = undefined
    this.kept = NOTHING
  }

  /** Whether it looks at bytes it has taken. */
  get holds(): boolean {
    return this.first !== undefined || this.kept.length > 0 || this.trailers !== undefined
  }

  /** Whether everything sent so far can be sent again. */
  get isReplayable(): boolean {
    return this.received === 0 || this.keeps
  }

  /** Sends what was gathered, or sends again what was sent to another connection. */
  replay(upstream: UpstreamExchange): void {
    if (this.first !== undefined) upstream.data(this.first, this.firstFrom, this.firstTo)
    for (const bytes of this.kept) upstream.data(bytes, 0, bytes.length)
  }

  /** Sends body bytes on, unless the body is too large. @returns whether they were sent */
  pass(bytes: Buffer, from: number, to: number, upstream: UpstreamExchange): boolean {
    this.received += to - from
    if (this.received > this.limits.maxBodyBytes) return false
    if (this.keeps) this.keepForReplay(bytes, from, to, upstream.hasBegun)
    upstream.data(bytes, from, to)
    return true
  }

  /** The body is complete. */
  end(trailers: Trailers | undefined): void {
    this.done = true
    this.trailers = trailers
  }

  /**
   * A backend in HTTP/2 that has not begun the request, and may refuse it, takes no more than one window of the body, which is
   * 64 KiB in most servers. What passes the bound with it is kept until then, as the rest of the body is not read meanwhile.
   */
  private keepForReplay(bytes: Buffer, from: number, to: number, hasBegun: boolean): void {
    const { maxReplayBytes } = this.limits
    const isFull = hasBegun ? this.keptBytes + to - from > maxReplayBytes : this.keptBytes > maxReplayBytes
    if (isFull) this.forget()
    else this.keepRun(bytes, from, to)
  }

  private keepRun(bytes: Buffer, from: number, to: number): void {
    const isFirst = this.keptBytes === 0
    this.keptBytes += to - from
    if (isFirst) return this.keepFirst(bytes, from, to)
    this.cutFirst()
    const run = bytes.subarray(from, to)
    const last = this.kept.at(-1)!
    if (last.length + run.length > SMALL_BYTES) this.kept.push(run)
    else this.kept[this.kept.length - 1] = Buffer.concat([last, run])
  }

  private keepFirst(bytes: Buffer, from: number, to: number): void {
    this.first = bytes
    this.firstFrom = from
    this.firstTo = to
  }

  private cutFirst(): void {
    if (this.first === undefined) return
    this.kept = [this.first.subarray(this.firstFrom, this.firstTo)]
    this.first = undefined
  }
}
