import type { RequestHead } from '../http1/request-head.ts'
import type { Backend, LaneCounts } from './backend.ts'
import { Crowd } from './crowd.ts'
import type { Lane, LaneOwner } from './lane.ts'
import type { LaneEvent, LaneStream } from './lane-stream.ts'
import type { ResponseSink } from './response-sink.ts'
import { Stall } from './stall.ts'

/** More lanes to one backend bring nothing: it handles them in one thread. */
const MAX_LANES = 4
/** After a lane could not be opened, the next one is tried so much later. */
const RETRY_MS = 1_000

/** A head that is no larger is taken by every server. */
const SMALL_HEAD_BYTES = 8 * 1024

/** Opens lanes, and is told what becomes of them. */
export interface LaneMaker {
  readonly nowMs: number
  openLane(backend: Backend, owner: LaneOwner): Lane
  laneGone(): void
  laneEvent(event: LaneEvent): void
  fault(error: unknown): void
}

/**
 * The lanes to one backend: one, and more of them when it has no room for another stream. Requests are sent on the one that has the
 * least to do.
 */
export class Lanes implements LaneOwner, LaneCounts {
  private readonly maker: LaneMaker
  private readonly backend: Backend
  private lanes: Lane[] = []
  /** Lanes that take no more requests. */
  private readonly leaving = new Set<Lane>()
  private readonly crowd = new Crowd()
  private readonly stall = new Stall()
  private retryAt = Number.NEGATIVE_INFINITY
  private isRetired = false
  /** Requests at the backend that wait for their clients. */
  private heldUp = 0

  constructor(maker: LaneMaker, backend: Backend) {
    this.maker = maker
    this.backend = backend
  }

  /** Whether a request that has been claimed is one of so many at a backend that answers that HTTP/1.1 would cost more. */
  isWorthwhile(): boolean {
    const { inFlight } = this.backend
    const { nowMs } = this.maker
    const isStalled = this.stall.joined(inFlight, nowMs)
    return this.crowd.joined(inFlight - this.heldUp, nowMs) && !isStalled
  }

  /** A response waits for its client (1), or does not any more (-1): what leaves by and by is no part of a crowd. */
  holdUp(change: 1 | -1): void {
    this.heldUp += change
  }

  /** Takes a request at once, or not at all; then a lane is being opened if one more is worth it. */
  take(sink: ResponseSink, head: RequestHead): LaneStream | undefined {
    const lane = this.best
    if (lane?.hasRoom === true) return lane.takes(head) ? lane.take(sink) : undefined
    if (this.mayOpen(lane)) this.add()
    return undefined
  }

  /** Whether the backend takes a head of that size, as far as is known. */
  takes(head: RequestHead): boolean {
    const { best } = this
    return best?.isOpen === true ? best.takes(head) : head.end - head.start <= SMALL_HEAD_BYTES
  }

  /** Takes a request that waits for a lane, or for a place on one. */
  await(sink: ResponseSink): LaneStream {
    const lane = this.best
    return (lane === undefined || this.isFull(lane) ? this.add() : lane).await(sink)
  }

  /** The backend takes no more requests. */
  retire(): void {
    this.isRetired = true
    for (const lane of this.lanes) lane.retire()
  }

  /** Checks the time limits, and closes what was not used for too long. */
  sweep(now: number, idleMs: number): void {
    for (const lane of [...this.lanes, ...this.leaving]) lane.tick(now)
    const { best } = this
    if (best !== undefined && best.load === 0 && now - best.idleSince >= idleMs) best.retire()
  }

  // --- LaneOwner

  opened(): void {
    this.retryAt = Number.NEGATIVE_INFINITY
  }

  leaves(lane: Lane): void {
    this.lanes = this.lanes.filter((each) => each !== lane)
    this.leaving.add(lane)
  }

  gone(lane: Lane): void {
    this.leaves(lane)
    this.leaving.delete(lane)
    this.retryAt = this.maker.nowMs + RETRY_MS
    this.maker.laneGone()
  }

  note(event: LaneEvent): void {
    this.maker.laneEvent(event)
  }

  fault(error: unknown): void {
    this.maker.fault(error)
  }

  // --- LaneCounts

  get open(): number {
    return this.lanes.filter(({ isOpen }) => isOpen).length + this.leaving.size
  }

  get streams(): number {
    return [...this.lanes, ...this.leaving].reduce((count, lane) => count + lane.streams, 0)
  }

  /** The one that has the least to do, of those that have room if there is one. */
  private get best(): Lane | undefined {
    let [best] = this.lanes
    for (const lane of this.lanes) if (lane !== best && isBetter(lane, best!)) best = lane
    return best
  }

  private isFull(lane: Lane): boolean {
    return lane.isOpen && !lane.hasRoom && this.lanes.length < MAX_LANES
  }

  private mayOpen(best: Lane | undefined): boolean {
    if (this.isRetired || this.maker.nowMs < this.retryAt) return false
    return best === undefined || this.isFull(best)
  }

  private add(): Lane {
    const lane = this.maker.openLane(this.backend, this)
    this.lanes.push(lane)
    return lane
  }
}

function isBetter(lane: Lane, than: Lane): boolean {
  return lane.hasRoom === than.hasRoom ? lane.load < than.load : lane.hasRoom
}
