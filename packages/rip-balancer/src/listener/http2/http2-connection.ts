import type { DataPlane } from '../../exchange/data-plane.ts'
import type { RequestInFlight } from '../../exchange/request-in-flight.ts'
import type { ClientIdentity } from '../../forwarding/client-identity.ts'
import { ERROR } from '../../http2/error-code.ts'
import type { ByteSocket } from '../../transport/byte-socket.ts'
import type { Clock } from '../../transport/clock.ts'
import type { ConnectionKeeper, KeptConnection } from '../connection-keeper.ts'
import { hasUnread, isBeingAsked } from '../unread-input.ts'
import { ClientSession, type SessionEvents } from './client-session.ts'
import type { SpareStreams } from './spare-streams.ts'

/**
 * One connection of a client that speaks HTTP/2. It ends when it has been idle for too long, in a drain when its streams are
 * over, and when the client breaks the rules.
 */
export class Http2Connection implements KeptConnection, SessionEvents {
  readonly identity: ClientIdentity
  slot = -1
  countedFor: string | undefined
  private readonly socket: ByteSocket
  private readonly data: DataPlane
  private readonly keeper: ConnectionKeeper
  private readonly clock: Clock
  private readonly session: ClientSession
  /** When the client has to have ended its side, after this one has; monotonic milliseconds. */
  private leavesAt = Number.POSITIVE_INFINITY
  /** The last frames are waiting for the kernel: the connection ends behind them. */
  private endsWhenSent = false
  private isClosed = false

  constructor(socket: ByteSocket, spare: SpareStreams, keeper: ConnectionKeeper, identity: ClientIdentity) {
    this.socket = socket
    this.data = spare.plane.data
    this.keeper = keeper
    this.identity = identity
    this.clock = this.data.turn.clock
    this.session = new ClientSession(socket, spare, this)
  }

  // --- KeptConnection

  get isIdle(): boolean {
    return this.session.isIdle
  }

  inFlight(nowMs: number): readonly RequestInFlight[] {
    return this.session.inFlight(nowMs)
  }

  get idleSince(): number {
    return this.isIdle && !this.session.frames.isOver ? this.session.since : Number.POSITIVE_INFINITY
  }

  get isUnused(): boolean {
    return this.session.requests === 0
  }

  hasUnread(): boolean {
    return hasUnread(this.socket)
  }

  tick(now: number): void {
    try {
      this.checkTime(now)
    } catch (error) {
      this.failed(error)
    }
  }

  closeNow(): void {
    if (this.isIdle) this.session.frames.fail(ERROR.none, 'the balancer closes')
    else this.socket.terminate()
  }

  giveWay(): void {
    this.session.frames.fail(ERROR.none, 'idle connections make room')
    this.socket.end()
    this.closed()
  }

  // --- socket events

  received(chunk: Buffer): void {
    this.session.frames.received(chunk)
  }

  /** Parts of it may be on their way to several backends: it is freed when nothing refers to it any more. */
  consumed(): void {}

  failed(error: unknown): void {
    this.data.settings.observer.fault(error)
    this.socket.terminate()
    this.closed()
  }

  /** The handshake was over before there was this connection. */
  secured(): void {}

  unsecured(): void {}

  writable(): void {
    const { frames } = this.session
    frames.writable()
    if (this.endsWhenSent && frames.output.waiting === 0) this.leave()
  }

  /** A client that has ended its side makes no more room for what it is sent: it has left. */
  ended(): void {
    this.session.frames.lost('the client has ended the connection')
    this.socket.end()
  }

  closed(): void {
    if (this.isClosed) return
    this.isClosed = true
    this.session.frames.lost('the connection is gone')
    this.keeper.forget(this)
  }

  // --- SessionEvents

  lasts(lasting: boolean): void {
    if (this.slot >= 0) this.keeper.setLasting(this, lasting)
  }

  drained(): void {
    const { output } = this.session.frames
    output.flush()
    if (output.waiting === 0) this.leave()
    else this.endsWhenSent = true
  }

  /** What was sent last may be on its way: input is read and dropped for a while, as a reset would destroy it. */
  over(): void {
    if (this.leavesAt < Number.POSITIVE_INFINITY) return
    this.leavesAt = this.clock.nowMs + this.data.settings.timeouts.lingerMs
    if (!this.isClosed) this.socket.shutdown()
  }

  // --- time

  private checkTime(now: number): void {
    if (this.session.frames.isOver) return this.checkLeaving(now)
    if (this.keeper.isDraining) this.session.frames.goAway()
    this.session.tick(now)
    const { isOver, unfinishedBlock } = this.session.frames
    if (this.isIdle && !isOver && unfinishedBlock === 0) this.checkIdle(now)
  }

  private checkLeaving(now: number): void {
    if (now > this.leavesAt) this.socket.terminate()
  }

  private checkIdle(now: number): void {
    const { timeouts, observer } = this.data.settings
    const limitMs = this.isUnused ? timeouts.headerMs : timeouts.clientIdleMs
    const overdueMs = now - this.session.since - limitMs
    if (overdueMs <= 0 || isBeingAsked(this.socket, overdueMs)) return
    observer.connection('idle-timeout')
    this.session.frames.fail(ERROR.none, 'idle for too long')
  }

  private leave(): void {
    this.session.frames.lost('all streams are over')
  }
}
