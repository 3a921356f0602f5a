import type { Attempt } from './attempt.ts'
import type { BufferShare } from './buffer-budget.ts'
import type { ClientSide } from './client-side.ts'
import { mayConverse } from './conversation.ts'
import type { DataPlane } from './data-plane.ts'
import type { ExchangeContext } from './exchange-context.ts'
import type { ExchangeFacts } from './exchange-facts.ts'
import type { ExchangePhase } from './exchange-phase.ts'
import type { Progress } from './progress.ts'
import type { RequestBody } from './request-body.ts'
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
  private readonly progress: Progress
  private readonly plane: DataPlane
  private readonly client: ClientSide
  private readonly body: RequestBody
  private readonly facts: ExchangeFacts
  private readonly request: RequestRelay
  private readonly attempt: Attempt
  private readonly share: BufferShare
  private readonly exchange: { readonly phase: ExchangePhase }
  private readonly overdue: { clientTimedOut(): void }

  /** @param overdue what follows when others need the place of a slow client */
  constructor(
    context: ExchangeContext,
    request: RequestRelay,
    exchange: { readonly phase: ExchangePhase },
    overdue: { clientTimedOut(): void },
  ) {
    this.plane = context.plane
    this.client = context.client
    this.body = context.body
    this.facts = context.facts
    this.attempt = context.attempt
    this.progress = context.progress
    this.share = context.share
    this.request = request
    this.exchange = exchange
    this.overdue = overdue
  }

  /** The first limit that is exceeded, if any. @param now monotonic milliseconds */
  missed(now: number): Missed | undefined {
    const { timeouts } = this.plane.settings
    const { phase } = this.exchange
    this.noteTaken(now)
    this.noteLag(phase, now)
    if (this.isReadTooSlow(phase, now)) return 'reading'
    if (phase === 'tunnel') return this.isTunnelSilent(now) ? 'tunnel' : undefined
    const inPhaseMs = this.progress.inPhaseMs(now)
    if (phase === 'backing-off') return inPhaseMs < BACK_OFF_MS ? undefined : 'back-off'
    if (now - this.facts.begunAt > timeouts.totalMs) return 'total'
    if (phase === 'connecting' && inPhaseMs > timeouts.connectMs) return 'connect'
    if (this.request.awaitsContinue && inPhaseMs > timeouts.continueMs) return 'continue'
    if (this.converses(phase)) return this.isConversationSilent(now) ? 'conversation' : undefined
    if (this.awaitsBody && this.isBodyTooSlow(now)) return 'body'
    if (this.isTrialTooSlow(phase, now)) return 'trial'
    return this.isBackendTooSlow(phase, now) ? 'response' : undefined
  }

  // --- SlowClient

  get clientAddress(): string {
    return this.facts.clientAddress
  }

  get keepsBackend(): boolean {
    if (!this.attempt.takesPlace) return false
    if (this.exchange.phase === 'responding' && this.client.waiting > 0)
      return this.attempt.upstream?.isPaused === true
    return this.awaitsBody && !this.converses(this.exchange.phase)
  }

  get lagMs(): number {
    return this.progress.lagMs
  }

  giveWay(): void {
    this.overdue.clientTimedOut()
  }

  // --- the limits

  /** The client could send its body now, and is waited for. */
  private get awaitsBody(): boolean {
    return !this.body.done && !this.request.awaitsContinue && this.request.wantsInput
  }

  /** Only of a client for which bytes wait it matters how many it acknowledged. */
  private noteTaken(now: number): void {
    const { client, progress } = this
    progress.tick(now, client.waiting > 0 ? client.acknowledged : client.sent)
    if (client.waiting === 0) progress.clientKeepsUp()
  }

  private noteLag(phase: ExchangePhase, now: number): void {
    const { minResponseBytesPerSecond, minBodyBytesPerSecond } = this.plane.settings.limits
    const slowest = phase === 'responding' ? minResponseBytesPerSecond : minBodyBytesPerSecond
    if (slowest === 0 || !this.keepsBackend) return this.progress.keepsNoBackend()
    const forMs = now - this.attempt.upstream!.pausedAt
    this.progress.keepsBackend(forMs, this.body.received, slowest * CROWDED_RATE_FACTOR)
    this.plane.slowClients.watch(this)
  }

  private isReadTooSlow(phase: ExchangePhase, now: number): boolean {
    if (this.client.waiting === 0) return false
    const { timeouts, limits } = this.plane.settings
    if (phase === 'tunnel') return this.progress.clientSilentMs(now) > timeouts.writeIdleMs
    return this.progress.isReadTooSlow(now, timeouts, limits, this.isCrowded)
  }

  private isBodyTooSlow(now: number): boolean {
    const { timeouts, limits } = this.plane.settings
    return this.progress.isBodyTooSlow(now, this.body.received, timeouts, limits, this.isCrowded)
  }

  /** Whether others wait for what this exchange occupies: a place at a backend, or a part of the buffers. */
  private get isCrowded(): boolean {
    return this.plane.claims.queued > 0 && (this.attempt.takesPlace || this.share.isUsed)
  }

  /** A backend that has begun its response does not wait for the end of the request; one that speaks gRPC need not begin before. */
  private converses(phase: ExchangePhase): boolean {
    if (this.body.done) return false
    if (phase === 'responding') return true
    return (
      phase === 'waiting' &&
      this.attempt.backend?.address.http2 === 'only' &&
      mayConverse(this.facts.request!)
    )
  }

  private isConversationSilent(now: number): boolean {
    return this.progress.silentMs(now) > this.plane.settings.timeouts.responseIdleMs
  }

  private isTunnelSilent(now: number): boolean {
    const { tunnelEnds } = this.attempt.longLife
    const { tunnelIdleMs, tunnelEndMs } = this.plane.settings.timeouts
    return this.progress.silentMs(now) > (tunnelEnds ? Math.min(tunnelEndMs, tunnelIdleMs) : tunnelIdleMs)
  }

  /** A request that can be served elsewhere does not wait long for a backend that was put aside. */
  private isTrialTooSlow(phase: ExchangePhase, now: number): boolean {
    if (!this.attempt.onTrial || phase !== 'waiting' || !this.request.isRepeatable) return false
    const { responseMs } = this.plane.settings.timeouts
    return this.progress.backendSilentMs(now) > Math.min(TRIAL_MS, responseMs)
  }

  private isBackendTooSlow(phase: ExchangePhase, now: number): boolean {
    const { timeouts } = this.plane.settings
    const silentMs = this.progress.backendSilentMs(now)
    if (phase === 'waiting') return this.isWaitingForBackend && silentMs > timeouts.responseMs
    if (phase !== 'responding' || this.attempt.upstream?.isPaused !== false) return false
    return silentMs > timeouts.responseIdleMs
  }

  /** The request is complete, or the backend does not take the rest of it. */
  private get isWaitingForBackend(): boolean {
    const { upstream } = this.attempt
    return this.body.done || (upstream !== undefined && upstream.waiting > 0)
  }
}
