import { mayConverse } from './conversation.ts'
import type { ExchangeContext } from './exchange-context.ts'
import type { ExchangePhase } from './exchange-phase.ts'
import type { RequestRelay } from './request-relay.ts'
import type { SlowClient } from './slow-clients.ts'

/** A client that keeps a backend others wait for is expected to be so many times as fast as the slowest rate allowed. */
const CROWDED_RATE_FACTOR = 16
/** How long a request that can be sent elsewhere waits for the answer of a backend that was put aside. */
const TRIAL_MS = 2_000
/** Pause in front of the next attempt: after it a process that was killed accepts no more. */
const BACK_OFF_MS = 20

/**
 * What an exchange is too late with.
 *
 * - `reading`: the client takes the response too slowly;
 * - `body`: the client sends its body too slowly;
 * - `continue`: the backend says nothing to `Expect: 100-continue`;
 * - `back-off`: the time is over for which the next attempt was put off;
 * - `connect`, `trial`, `response`: the backend;
 * - `conversation`: client and backend have been silent for too long, and either could go on;
 * - `total`: the whole exchange;
 * - `tunnel`: the tunnel is silent.
 */
export type Missed =
  | 'reading'
  | 'body'
  | 'continue'
  | 'back-off'
  | 'connect'
  | 'trial'
  | 'response'
  | 'conversation'
  | 'total'
  | 'tunnel'

/** All time limits of an exchange, checked ten times a second, and how slow its client is. */
export class Deadlines implements SlowClient {
  private readonly context: ExchangeContext
  private readonly request: RequestRelay
  private readonly exchange: { readonly phase: ExchangePhase }
  private readonly overdue: { clientTimedOut(): void }

  /** @param overdue what follows when others need the place of a slow client */
  constructor(
    context: ExchangeContext,
    request: RequestRelay,
    exchange: { readonly phase: ExchangePhase },
    overdue: { clientTimedOut(): void },
  ) {
    this.context = context
    this.request = request
    this.exchange = exchange
    this.overdue = overdue
  }

  /** The first limit that is exceeded, if any. @param now monotonic milliseconds */
  missed(now: number): Missed | undefined {
    const { timeouts } = this.context.plane.settings
    const { phase } = this.exchange
    this.noteTaken(now)
    this.noteLag(phase, now)
    if (this.isReadTooSlow(phase, now)) return 'reading'
    if (phase === 'tunnel') return this.isTunnelSilent(now) ? 'tunnel' : undefined
    const inPhaseMs = this.context.progress.inPhaseMs(now)
    if (phase === 'backing-off') return inPhaseMs < BACK_OFF_MS ? undefined : 'back-off'
    if (now - this.context.facts.begunAt > timeouts.totalMs) return 'total'
    if (phase === 'connecting' && inPhaseMs > timeouts.connectMs) return 'connect'
    if (this.request.awaitsContinue && inPhaseMs > timeouts.continueMs) return 'continue'
    if (this.converses(phase)) return this.isConversationSilent(now) ? 'conversation' : undefined
    if (this.awaitsBody && this.isBodyTooSlow(now)) return 'body'
    if (this.isTrialTooSlow(phase, now)) return 'trial'
    return this.isBackendTooSlow(phase, now) ? 'response' : undefined
  }

  // --- SlowClient

  get clientAddress(): string {
    return this.context.facts.clientAddress
  }

  get keepsBackend(): boolean {
    if (!this.context.attempt.takesPlace) return false
    if (this.exchange.phase === 'responding' && this.context.client.waiting > 0)
      return this.context.attempt.upstream?.isPaused === true
    return this.awaitsBody && !this.converses(this.exchange.phase)
  }

  get lagMs(): number {
    return this.context.progress.lagMs
  }

  giveWay(): void {
    this.overdue.clientTimedOut()
  }

  // --- the limits

  /** The client could send its body now, and is waited for. */
  private get awaitsBody(): boolean {
    return !this.context.body.done && !this.request.awaitsContinue && this.request.wantsInput
  }

  /** Only of a client for which bytes wait it matters how many it acknowledged. */
  private noteTaken(now: number): void {
    const { client, progress } = this.context
    progress.tick(now, client.waiting > 0 ? client.acknowledged : client.sent)
    if (client.waiting === 0) progress.clientKeepsUp()
  }

  private noteLag(phase: ExchangePhase, now: number): void {
    const { minResponseBytesPerSecond, minBodyBytesPerSecond } = this.context.plane.settings.limits
    const slowest = phase === 'responding' ? minResponseBytesPerSecond : minBodyBytesPerSecond
    if (slowest === 0 || !this.keepsBackend) return this.context.progress.keepsNoBackend()
    const forMs = now - this.context.attempt.upstream!.pausedAt
    this.context.progress.keepsBackend(forMs, this.context.body.received, slowest * CROWDED_RATE_FACTOR)
    this.context.plane.slowClients.watch(this)
  }

  private isReadTooSlow(phase: ExchangePhase, now: number): boolean {
    if (this.context.client.waiting === 0) return false
    const { timeouts, limits } = this.context.plane.settings
    if (phase === 'tunnel') return this.context.progress.clientSilentMs(now) > timeouts.writeIdleMs
    return this.context.progress.isReadTooSlow(now, timeouts, limits, this.isCrowded)
  }

  private isBodyTooSlow(now: number): boolean {
    const { timeouts, limits } = this.context.plane.settings
    return this.context.progress.isBodyTooSlow(
      now,
      this.context.body.received,
      timeouts,
      limits,
      this.isCrowded,
    )
  }

  /** Whether others wait for what this exchange occupies: a place at a backend, or a part of the buffers. */
  private get isCrowded(): boolean {
    return this.context.plane.claims.queued > 0 && (this.context.attempt.takesPlace || this.context.usesShare)
  }

  /** A backend that has begun its response does not wait for the end of the request; one that speaks gRPC need not begin before. */
  private converses(phase: ExchangePhase): boolean {
    if (this.context.body.done) return false
    if (phase === 'responding') return true
    return (
      phase === 'waiting' &&
      this.context.attempt.backend?.address.http2 === 'only' &&
      mayConverse(this.context.facts.request!)
    )
  }

  private isConversationSilent(now: number): boolean {
    return this.context.progress.silentMs(now) > this.context.plane.settings.timeouts.responseIdleMs
  }

  private isTunnelSilent(now: number): boolean {
    const { tunnelEnds } = this.context.attempt.longLife
    const { tunnelIdleMs, tunnelEndMs } = this.context.plane.settings.timeouts
    return (
      this.context.progress.silentMs(now) > (tunnelEnds ? Math.min(tunnelEndMs, tunnelIdleMs) : tunnelIdleMs)
    )
  }

  /** A request that can be served elsewhere does not wait long for a backend that was put aside. */
  private isTrialTooSlow(phase: ExchangePhase, now: number): boolean {
    if (!this.context.attempt.onTrial || phase !== 'waiting' || !this.request.isRepeatable) return false
    const { responseMs } = this.context.plane.settings.timeouts
    return this.context.progress.backendSilentMs(now) > Math.min(TRIAL_MS, responseMs)
  }

  private isBackendTooSlow(phase: ExchangePhase, now: number): boolean {
    const { timeouts } = this.context.plane.settings
    const silentMs = this.context.progress.backendSilentMs(now)
    if (phase === 'waiting') return this.isWaitingForBackend && silentMs > timeouts.responseMs
    if (phase !== 'responding' || this.context.attempt.upstream?.isPaused !== false) return false
    return silentMs > timeouts.responseIdleMs
  }

  /** The request is complete, or the backend does not take the rest of it. */
  private get isWaitingForBackend(): boolean {
    const { upstream } = this.context.attempt
    return this.context.body.done || (upstream !== undefined && upstream.waiting > 0)
  }
}
