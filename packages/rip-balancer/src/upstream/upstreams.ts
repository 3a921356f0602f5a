import type { Backend } from './backend.ts'
import type { Clock } from '../transport/clock.ts'
import { connectionsForDescriptors } from '../transport/descriptor-limit.ts'
import type { Turn } from '../transport/turn.ts'
import { RequestWriter } from '../forwarding/request-writer.ts'
import { BackendTlsSettings } from '../tls/backend-tls.ts'
import { DialedSocket, dial } from './dial.ts'
import type { ResponseSink } from './response-sink.ts'
import { UpstreamConnection, type ConnectionOwner, type UpstreamLimits } from './upstream-connection.ts'

/** What happens to connections, for counting. */
export interface UpstreamObserver {
  connection(event: 'upstream-opened' | 'upstream-closed' | 'upstream-unexpected-bytes'): void
  fault(error: unknown): void
}

/**
 * Connections to all backends. Unused ones are kept per backend, the most recently used first, so that the rest can
 * grow old and be closed before the backend does it.
 */
export class Upstreams {
  private limits: UpstreamLimits | undefined
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

  /** Limits of the connections opened from now on, and their TLS; called before the first is opened. */
  configure(limits: UpstreamLimits, tls: BackendTlsSettings = this.tls): void {
    this.limits = limits
    if (tls === this.tls) return
    this.tls = tls
    // A backend that was trusted before may not be any more.
    for (const backend of this.shelves.keys()) if (isSecure(backend)) this.retire(backend)
  }

  /**
   * A connection that is ready for a request, or `undefined` when one has to be opened.
   *
   * @param repeatable the request can be sent again if the backend turns out to have closed the connection
   */
  takeIdle(backend: Backend, sink: ResponseSink, repeatable: boolean): UpstreamConnection | undefined {
    return this.shelves.get(backend)?.take(sink, repeatable)
  }

  /** Opens a connection; `sink.connected` or `sink.failed` follows, never before this returns. */
  open(backend: Backend, sink: ResponseSink): UpstreamConnection {
    if (this.gauge.open >= this.maxOpen) this.closeOldest()
    this.gauge.open++
    const dialed = new DialedSocket(this.turn)
    const shelf = this.shelfOf(backend)
    const connection = new UpstreamConnection(dialed, this.turn, shelf, this.limits!, sink, this.writer)
    dialed.connection = connection
    this.observer.connection('upstream-opened')
    dial(backend.address, dialed, this.tls)
    return connection
  }

  /** The backend takes no more requests: unused connections close now, the others after their response. */
  retire(backend: Backend): void {
    this.shelves.get(backend)?.retire()
    this.shelves.delete(backend)
  }

  /** Closes connections that were unused for too long. @param now milliseconds of the monotonic clock */
  sweep(now: number): void {
    for (const shelf of this.shelves.values()) shelf.sweep(now)
  }

  /** Number of unused connections. */
  get idle(): number {
    let count = 0
    for (const shelf of this.shelves.values()) count += shelf.size
    return count
  }

  close(): void {
    for (const backend of this.shelves.keys()) this.retire(backend)
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
