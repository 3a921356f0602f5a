import type { Backend } from './backend.ts'
import type { Clock } from '../transport/clock.ts'
import { connectionsForDescriptors } from '../transport/descriptor-limit.ts'
import type { Turn } from '../transport/turn.ts'
import { RequestWriter } from '../forwarding/request-writer.ts'
import { BackendTlsSettings } from '../tls/backend-tls.ts'
import { DialedSocket, dial } from './dial.ts'
import type { ResponseSink } from './response-sink.ts'
import { HpackScratch } from '../http2/hpack/hpack-scratch.ts'
import type { OutgoingRequest } from '../forwarding/outgoing-request.ts'
import { Lane, type LaneOwner, type LaneParts } from './lane.ts'
import type { LaneEvent } from './lane-stream.ts'
import { Lanes, type LaneMaker } from './lanes.ts'
import { RequestBlock } from './request-block.ts'
import { ResponseHeads } from './response-heads.ts'
import { UpstreamConnection, type ConnectionOwner, type UpstreamLimits } from './upstream-connection.ts'
import type { UpstreamExchange } from './upstream-exchange.ts'
import { DEFAULT_WORKER_PROTOCOL } from '../defaults.ts'
import type { WorkerProtocol } from '../settings/worker-protocol.ts'

/** What happens to connections, for counting. */
export interface UpstreamObserver {
  connection(event: 'upstream-opened' | 'upstream-closed' | 'upstream-unexpected-bytes' | LaneEvent): void
  fault(error: unknown): void
}

/**
 * Connections to all backends. Unused ones are kept per backend, the most recently used first, so that the rest can
 * grow old and be closed before the backend does it.
 */
export class Upstreams implements LaneMaker {
  private limits: UpstreamLimits | undefined
  private protocol: WorkerProtocol = DEFAULT_WORKER_PROTOCOL
  private laneParts: LaneParts | undefined
  private readonly lanes = new Map<Backend, Lanes>()
  private tls = new BackendTlsSettings()
  private readonly maxIdlePerBackend: number
  private readonly observer: UpstreamObserver
  private readonly turn: Turn
  private readonly shelves = new Map<Backend, Shelf>()
  private readonly maxOpen: number
  private readonly gauge: Gauge = { open: 0 }
  private readonly writer = new RequestWriter()

  /** @param maxOpen beyond it unused connections are closed when others are opened, as descriptors are finite */
  constructor(
    maxIdlePerBackend: number,
    observer: UpstreamObserver,
    turn: Turn,
    maxOpen: number = connectionsForDescriptors(),
  ) {
    this.maxIdlePerBackend = maxIdlePerBackend
    this.observer = observer
    this.turn = turn
    this.maxOpen = maxOpen
  }

  /** Limits of the connections opened from now on, their TLS and protocol; called before the first is opened. */
  configure(
    limits: UpstreamLimits,
    tls: BackendTlsSettings = this.tls,
    protocol: WorkerProtocol = this.protocol,
  ): void {
    this.limits = limits
    this.protocol = protocol
    this.laneParts = undefined
    if (tls === this.tls) return
    this.tls = tls
    // A backend that was trusted before may not be any more.
    for (const backend of this.shelves.keys()) if (isSecure(backend)) this.retire(backend)
  }

  /**
   * What is ready for a request: a stream of a connection of HTTP/2, or a connection of HTTP/1.1 that is kept open.
   *
   * @param isRetry another attempt has failed: a connection of HTTP/1.1 would have to be a new one
   */
  ready(
    backend: Backend,
    sink: ResponseSink,
    request: OutgoingRequest,
    isRetry: boolean,
  ): UpstreamExchange | undefined {
    const stream = this.takeLane(backend, sink, request)
    if (stream !== undefined || isRetry) return stream
    return this.takeIdle(backend, sink, request.head.isIdempotent)
  }

  /** What a request waits for when nothing is ready; `sink.connected` or `sink.failed` follows, never before this returns. */
  connect(backend: Backend, sink: ResponseSink, request: OutgoingRequest): UpstreamExchange {
    return this.awaitLane(backend, sink, request) ?? this.open(backend, sink)
  }

  /**
   * A connection that is ready for a request, or `undefined` when one has to be opened.
   *
   * @param repeatable the request can be sent again if the backend turns out to have closed the connection
   */
  takeIdle(backend: Backend, sink: ResponseSink, repeatable: boolean): UpstreamConnection | undefined {
    return this.shelves.get(backend)?.take(sink, repeatable)
  }

  /** A stream of a connection of HTTP/2 that is ready for the request, or `undefined` where there is none. */
  private takeLane(
    backend: Backend,
    sink: ResponseSink,
    request: OutgoingRequest,
  ): UpstreamExchange | undefined {
    return this.usesLane(backend, request) ? this.lanesOf(backend).take(sink, request.head) : undefined
  }

  /** Waits for a connection of HTTP/2 if the request has to; `sink.connected` or `sink.failed` follows, never before this returns. */
  private awaitLane(
    backend: Backend,
    sink: ResponseSink,
    request: OutgoingRequest,
  ): UpstreamExchange | undefined {
    return this.awaitsLane(backend, request) ? this.lanesOf(backend).await(sink) : undefined
  }

  /** Opens a connection of HTTP/1.1; `sink.connected` or `sink.failed` follows, never before this returns. */
  open(backend: Backend, sink: ResponseSink): UpstreamConnection {
    const dialed = this.dialed()
    const shelf = this.shelfOf(backend)
    const connection = new UpstreamConnection(dialed, this.turn, shelf, this.limits!, sink, this.writer)
    dialed.connection = connection
    dial(backend.address, dialed, this.tls)
    return connection
  }

  /** A response of the backend waits for its client (1), or does not any more (-1). */
  holdUp(backend: Backend, change: 1 | -1): void {
    this.lanes.get(backend)?.holdUp(change)
  }

  // --- LaneMaker

  get nowMs(): number {
    return this.turn.clock.nowMs
  }

  openLane(backend: Backend, owner: LaneOwner): Lane {
    const dialed = this.dialed()
    const lane = new Lane(dialed, this.turn, owner, this.parts)
    dialed.connection = lane
    dial(backend.address, dialed, this.tls)
    return lane
  }

  laneEvent(event: LaneEvent): void {
    this.observer.connection(event)
  }

  laneGone(): void {
    this.gauge.open--
    this.observer.connection('upstream-closed')
  }

  fault(error: unknown): void {
    this.observer.fault(error)
  }

  /** The backend takes no more requests: unused connections close now, the others after their response. */
  retire(backend: Backend): void {
    this.shelves.get(backend)?.retire()
    this.shelves.delete(backend)
    this.lanes.get(backend)?.retire()
    this.lanes.delete(backend)
  }

  /**
   * The same while requests go on that have been sent to the backend and not been answered: it may need the descriptors of
   * unused connections to accept others.
   */
  closeUnused(backend: Backend): void {
    this.shelves.get(backend)?.retire()
  }

  /** Closes connections that were unused for too long. @param now milliseconds of the monotonic clock */
  sweep(now: number): void {
    for (const shelf of this.shelves.values()) shelf.sweep(now)
    for (const lanes of this.lanes.values()) lanes.sweep(now, this.limits!.idleMs)
  }

  /** Number of unused connections. */
  get idle(): number {
    let count = 0
    for (const shelf of this.shelves.values()) count += shelf.size
    return count
  }

  close(): void {
    for (const backend of [...this.shelves.keys(), ...this.lanes.keys()]) this.retire(backend)
  }

  /** Upgrades exist in HTTP/1.1 only. */
  private usesLane(backend: Backend, request: OutgoingRequest): boolean {
    const { http2 } = backend.address
    if (http2 === undefined || (http2 === 'also' && this.protocol === 'http1')) return false
    if (request.upgrade !== undefined) return false
    return http2 === 'only' || this.prefersLane(backend, request)
  }

  private prefersLane(backend: Backend, { head }: OutgoingRequest): boolean {
    if (head.body.length > LARGE_BODY_BYTES) return false
    // `OPTIONS *` has no address. Bun 1.4.5 refuses that in HTTP/1.1, and hands it to the application in HTTP/2.
    if (head.form === 'asterisk') return false
    return this.protocol === 'h2c' || this.lanesOf(backend).isWorthwhile()
  }

  /** A backend that speaks both protocols is spoken to in HTTP/1.1 as long as a connection of HTTP/2 is being made. */
  private awaitsLane(backend: Backend, request: OutgoingRequest): boolean {
    if (backend.address.http2 === 'also' && this.protocol !== 'h2c') return false
    if (!this.usesLane(backend, request)) return false
    return backend.address.http2 === 'only' || this.lanesOf(backend).takes(request.head)
  }

  private lanesOf(backend: Backend): Lanes {
    const known = this.lanes.get(backend)
    if (known !== undefined) return known
    const lanes = new Lanes(this, backend)
    this.lanes.set(backend, lanes)
    backend.lanes = lanes
    return lanes
  }

  private get parts(): LaneParts {
    const limits = this.limits!
    this.laneParts ??= {
      limits,
      scratch: new HpackScratch(),
      block: new RequestBlock(this.writer),
      heads: new ResponseHeads(limits.head),
    }
    return this.laneParts
  }

  private dialed(): DialedSocket {
    if (this.gauge.open >= this.maxOpen) this.closeOldest()
    this.gauge.open++
    this.observer.connection('upstream-opened')
    return new DialedSocket(this.turn)
  }

  private shelfOf(backend: Backend): Shelf {
    const known = this.shelves.get(backend)
    if (known !== undefined) return known
    const shelf = new Shelf(this.maxIdlePerBackend, this.observer, this.gauge, this.turn.clock)
    this.shelves.set(backend, shelf)
    return shelf
  }

  private closeOldest(): void {
    let oldest: UpstreamConnection | undefined
    for (const { oldest: each } of this.shelves.values())
      if (each !== undefined && (oldest === undefined || each.idleSince < oldest.idleSince)) oldest = each
    oldest?.destroy()
  }
}

/** A longer request body has a connection of its own: there it need not be copied, and no window holds it up. */
const LARGE_BODY_BYTES = 64 * 1024

/** Open connections to all backends, used or not. */
interface Gauge {
  open: number
}

/**
 * Tolerance around the idle time after which a backend was seen to close connections: it may close one so much earlier,
 * and one that is open so much later shows that it does not close them any more.
 */
const SPARE_MS = 1_000

/** Unused connections of one backend, oldest first. */
class Shelf implements ConnectionOwner {
  private readonly connections: UpstreamConnection[] = []
  private readonly capacity: number
  private readonly observer: UpstreamObserver
  private readonly gauge: Gauge
  private readonly clock: Clock
  private retired = false
  /** After so long the backend closes unused connections without having said so; `Infinity` when it is not known to. */
  private closesAfterMs = Number.POSITIVE_INFINITY

  constructor(capacity: number, observer: UpstreamObserver, gauge: Gauge, clock: Clock) {
    this.clock = clock
    this.capacity = capacity
    this.observer = observer
    this.gauge = gauge
  }

  /** The one that has been unused for longest. */
  get oldest(): UpstreamConnection | undefined {
    return this.connections[0]
  }

  get size(): number {
    return this.connections.length
  }

  take(sink: ResponseSink, repeatable: boolean): UpstreamConnection | undefined {
    const connection = this.connections.at(-1)
    if (connection === undefined || (!repeatable && this.mayBeClosed(connection))) return undefined
    this.connections.pop()
    connection.take(sink)
    return connection
  }

  /** Whether the backend may be closing it: then it could not be known whether a request sent on it was executed. */
  private mayBeClosed({ idleSince }: UpstreamConnection): boolean {
    return this.clock.nowMs - idleSince >= this.closesAfterMs - SPARE_MS
  }

  closedUnused({ unusedMs }: UpstreamConnection): void {
    this.closesAfterMs = Math.min(this.closesAfterMs, unusedMs)
  }

  park(connection: UpstreamConnection): void {
    if (this.retired || this.connections.length >= this.capacity) return connection.destroy()
    connection.idleSince = this.clock.nowMs
    this.connections.push(connection)
  }

  gone(connection: UpstreamConnection, unexpectedBytes: boolean): void {
    this.gauge.open--
    const index = this.connections.lastIndexOf(connection)
    if (index >= 0) this.connections.splice(index, 1)
    this.observer.connection(unexpectedBytes ? 'upstream-unexpected-bytes' : 'upstream-closed')
  }

  fault(error: unknown): void {
    this.observer.fault(error)
  }

  sweep(now: number): void {
    for (let index = this.connections.length - 1; index >= 0; index--) {
      const connection = this.connections[index]!
      if (now - connection.idleSince > this.closesAfterMs + SPARE_MS)
        this.closesAfterMs = Number.POSITIVE_INFINITY
      if (now - connection.idleSince >= connection.idleLimitMs) connection.destroy()
    }
  }

  retire(): void {
    this.retired = true
    while (this.connections.length > 0) this.connections.pop()!.destroy()
  }
}

function isSecure({ address }: Backend): boolean {
  return address.kind === 'tcp' && address.tls !== undefined
}
