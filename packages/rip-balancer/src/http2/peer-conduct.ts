import type { Clock } from '../transport/clock.ts'
import { ABUSE_REASONS, type Abuse, type AbuseBudget } from './abuse-budget.ts'
import { ERROR } from './error-code.ts'
import type { FrameHost } from './frame-host.ts'
import { FLAG, FRAME, FRAME_HEADER_BYTES } from './frame-type.ts'
import type { SessionOwner } from './session-owner.ts'
import type { Role } from './settings.ts'
import type { Http2Stream } from './stream.ts'
import type { StreamTable } from './stream-table.ts'

export interface PeerConductOptions {
  /** Of this side. */
  readonly role: Role
  readonly budget: AbuseBudget
  readonly clock: Clock
  readonly streams: StreamTable
  readonly owner: SessionOwner
  readonly host: FrameHost
}

/**
 * What a peer does against the rules, or too often, and what that costs it: a stream (RFC 9113 §5.4.2), or the connection
 * (§5.4.1, §10.5).
 */
export class PeerConduct {
  readonly budget: AbuseBudget
  private readonly role: Role
  private readonly clock: Clock
  private readonly streams: StreamTable
  private readonly owner: SessionOwner
  private readonly host: FrameHost

  constructor({ role, budget, clock, streams, owner, host }: PeerConductOptions) {
    this.role = role
    this.budget = budget
    this.clock = clock
    this.streams = streams
    this.owner = owner
    this.host = host
  }

  /** The peer broke a rule on a stream. */
  resetStream(stream: Http2Stream, code: number): void {
    this.host.output.writeNumber(FRAME.resetStream, stream.id, code)
    this.streams.rememberReset(stream.id)
    this.streams.holdPlace(stream)
    stream.lose('reset', code)
    this.countReset()
  }

  /** The peer did what cannot be taken on a stream that is not open. */
  refuseStream(id: number, code: number): void {
    this.host.output.writeNumber(FRAME.resetStream, id, code)
    this.countReset()
  }

  /** A frame came for a stream that is not open: that is allowed if the stream was. */
  expectPast(id: number, what: string): void {
    const past = this.streams.past(id)
    if (past === 'idle' || past === 'not-ours')
      return this.host.fail(ERROR.protocol, `${what} for a stream that was never open`)
    this.countControlFrame()
  }

  /** A frame came that is allowed only if the peer may not know yet that this side has reset the stream. */
  expectReset(id: number, what: string): void {
    const past = this.streams.past(id)
    if (past === 'reset-here') return this.countControlFrame()
    if (past === 'closed') this.host.fail(ERROR.streamClosed, `${what} for a stream that is closed`)
    else this.host.fail(ERROR.protocol, `${what} for a stream that was never open`)
  }

  /** A client has reset a stream. One whose response it was reading has cost no more than if it had read it to its end. */
  countCancelled(stream: Http2Stream): void {
    if (this.role === 'client' || stream.sent > 0) return
    if (!this.budget.cancelled(this.clock.nowMs - stream.beganAtMs)) this.endFor('resets')
  }

  /** A stream of a client ended early. */
  countReset(): void {
    if (this.role === 'server' && !this.budget.reset()) this.endFor('resets')
  }

  /** A frame came that carries nothing. */
  countControlFrame(): void {
    if (!this.budget.controlFrame()) this.endFor('control-frames')
  }

  /** Acknowledges a frame; a peer that does not read the answers gets no more of them. */
  acknowledge(type: number, bytes: Buffer, from: number, to: number): void {
    const { output } = this.host
    output.write(type, FLAG.ack, 0, bytes, from, to)
    if (output.waiting === 0) return
    if (!this.budget.answered(FRAME_HEADER_BYTES + to - from)) this.endFor('unread-answers')
  }

  private endFor(kind: Abuse): void {
    if (this.host.isOver) return
    this.owner.abused(kind)
    this.host.fail(ERROR.enhanceYourCalm, ABUSE_REASONS[kind])
  }
}
