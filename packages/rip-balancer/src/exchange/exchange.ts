import { BodyFraming } from '../http1/body-framing.ts'
import type { ConnectionOptions } from '../http1/connection-options.ts'
import { statusOf, type Fault } from '../http1/fault.ts'
import type { FieldSection } from '../http1/field-section.ts'
import type { RequestHead } from '../http1/request-head.ts'
import type { ResponseHead } from '../http1/response-head.ts'
import type { Backend, Claimant, ClaimRefusal, LongLived, Outcome } from '../pool/claim.ts'
import { appendChunk, appendLastChunk } from '../transport/chunk-writer.ts'
import type { ResponseSink, UpstreamFailure } from '../upstream/response-sink.ts'
import type { UpstreamConnection } from '../upstream/upstream-connection.ts'
import { BufferShare } from './buffer-budget.ts'
import { UNIX_PEER } from '../forwarding/client-identity.ts'
import type { ClientSide } from './client-side.ts'
import type { DataPlane } from './data-plane.ts'
import { ExchangeAnswers } from './exchange-answers.ts'
import { asksForEventStream, opensEventStream } from './event-stream.ts'
import type { ExchangePhase } from './exchange-phase.ts'
import { causeOf, statusOfFailure } from './failure.ts'
import { FieldEdits } from '../forwarding/field-edits.ts'
import { callResponseHook } from './hook-calls.ts'
import type { LongLivedRefusal } from './long-lived-counts.ts'
import { Progress } from './progress.ts'
import type { EndCause } from './record.ts'
import type { ClientFraming } from '../forwarding/response-writer.ts'
import type { SlowClient } from './slow-clients.ts'
import { acceptsTrailers, requestedUpgrade, switchesTo } from './upgrade.ts'

type FailedOutcome = Exclude<Outcome, 'ok'>

const CONTINUE = 'HTTP/1.1 100 Continue\r\n\r\n'
/** What is expected of a client that keeps a backend others wait for, compared with the slowest rate allowed. */
const CROWDED_RATE_FACTOR = 16
const NO_BODY = new BodyFraming()
const NOBODY: readonly string[] = []

/** A connection that is reset so soon after it was used again had been closed before. */
const STALE_MS = 10
/** No server closes connections that were unused so shortly only for that: it has failed. */
const RESTED_MS = 500
/** How long a request that can be sent elsewhere waits for the answer of a backend that was put aside. */
const TRIAL_MS = 2_000
/** A killed process has closed what it listens on after this time. */
const REST_MS = 20

/**
 * One request and its response: dispatch, relay, finish. A client connection has one such object and uses it for all
 * its requests, one after the other, so that a request allocates nothing here. It is what the pool grants backends to,
 * what an upstream connection reports to, and the record of itself.
 */
export class Exchange extends ExchangeAnswers implements Claimant, ResponseSink, SlowClient {
  phase: ExchangePhase = 'idle'
  private claimed: Backend | undefined
  /** It takes no place of the backend any longer: it has become what lasts. */
  private held: LongLived | undefined
  /** The client it is counted for meanwhile, if it is. */
  private heldFor: string | undefined
  private upstream: UpstreamConnection | undefined
  private upgrade: string | undefined
  private framing: ClientFraming = 'none'
  private trailers = false
  /** One side of the tunnel sends nothing more. */
  private tunnelEnds = false
  /** Response body bytes that must not reach the client. */
  private swallows = false
  private freshOnly = false
  /** The backends that failed this request, the last one last. */
  private readonly tried: Backend[] = []
  private lastFailure: FailedOutcome | undefined
  /** Of attempts at which something was sent. */
  private repeats = 0
  /** The backend was put aside, and this request tells whether it can come back. */
  private onTrial = false
  /** The one after this attempt waits a moment, and did so once. */
  private restsFrom: Backend | undefined
  private rested = false
  private awaitsContinue = false
  /** The client has ended its side. */
  private halfClosed = false
  private sentBefore = 0
  private dispatchedAt = 0
  private upstreamSent = 0
  private readonly progress: Progress
  private readonly share: BufferShare

  constructor(plane: DataPlane, client: ClientSide) {
    super(plane, client)
    this.progress = new Progress(this.clock)
    this.share = new BufferShare(plane.buffers)
  }

  /** What the hash policy binds to a backend. */
  get hashKey(): string | undefined {
    return this.plane.settings.hashKey(this)
  }

  /** Backends that the client's cookies name. */
  get stickyNames(): readonly string[] {
    return this.plane.settings.sticky?.namesIn(this) ?? NOBODY
  }

  get asksForTunnel(): boolean {
    return this.upgrade !== undefined
  }

  get expectsLongLife(): boolean {
    return this.upgrade !== undefined || asksForEventStream(this.request!)
  }

  /** For affinity: values of the fields of a name, as the request hook left them. */
  values(name: string): readonly string[] {
    return (this.edits ?? new FieldEdits(this.request!)).values(name)
  }

  get isIdle(): boolean {
    return this.phase === 'idle'
  }

  /** Whether body or tunnel bytes of the client can be taken now. */
  get wantsInput(): boolean {
    if (this.phase === 'gathering') return true
    if (this.upstream === undefined || this.upstream.outbox.waiting > 0) return false
    if (this.phase === 'tunnel') return true
    if (this.phase !== 'waiting' && this.phase !== 'responding') return false
    return !this.body.done
  }

  /** Whether the client's part of the exchange is complete. */
  get hasWholeRequest(): boolean {
    return this.body.isWhole
  }

  /** Starts with a head that passed all checks. @param firstByteAt when its first byte arrived */
  begin(head: RequestHead, firstByteAt: number): void {
    const { settings } = this.plane
    this.start(head, firstByteAt)
    if (this.plane.trailerWriter !== undefined) head.connection.keepNames(head)
    this.body.begin(head.body, head.connection)
    this.readClaims(head)
    this.persists = head.persists && this.client.mayPersist
    this.upgrade = requestedUpgrade(head, settings.upgrades)
    this.trailers = acceptsTrailers(head)
    if (this.answersItself(head)) return
    if (this.mayGather(head)) return this.gather(head)
    this.claim()
  }

  /** Refuses a request that is malformed or too slow; nothing more is read from the client. */
  refuse(head: RequestHead | undefined, status: number, cause: EndCause, firstByteAt: number): void {
    this.start(head, firstByteAt)
    this.body.begin(NO_BODY)
    this.body.abandon()
    this.persists = false
    this.answersError(status, cause)
  }

  /**
   * Takes body or tunnel bytes of the client.
   *
   * @returns where they end in the input
   */
  take(chunk: Buffer, from: number, to: number): number {
    this.progress.clientMoved()
    if (this.phase === 'gathering') return this.takeEarly(chunk, from, to)
    const { outbox } = this.upstream!
    if (this.phase === 'tunnel') {
      outbox.append(chunk, from, to)
      this.holdClient()
      return to
    }
    this.awaitsContinue = false
    const end = this.body.take(chunk, from, to, outbox)
    if (end < 0) return this.refuseBody(this.body.fault!, to)
    if (this.body.done) this.requestSent()
    this.holdClient()
    return end
  }

  /** Whether another backend can be asked when one fails (RFC 9110 §9.2.2). */
  get isRepeatable(): boolean {
    return this.request?.isIdempotent === true && this.body.done && this.body.isReplayable
  }

  /** The client's connection needs these bytes no more: of an upload the collector would let pile up tens of megabytes. */
  letGo(chunk: Buffer): void {
    if (this.upstream === undefined || this.body.holds || this.request?.isIn(chunk) === true) return
    this.upstream.outbox.release(chunk)
  }

  /** The client stopped sending. @returns whether the exchange goes on */
  clientEnded(): boolean {
    if (this.phase === 'tunnel') {
      this.tunnelEnds = true
      this.upstream?.shutdownWhenSent()
      return true
    }
    if (this.phase === 'queued' || this.awaitsUpgrade) return false
    this.persists = false
    if (!this.body.done) this.refuseBody('truncated-message', 0)
    else if (this.plane.settings.halfClose === 'abort') return this.phase === 'flushing'
    else this.noteHalfClose()
    return true
  }

  /** A client that has ended its side could send nothing through the tunnel it asks for. */
  private get awaitsUpgrade(): boolean {
    return this.upgrade !== undefined && (this.phase === 'connecting' || this.phase === 'waiting')
  }

  /** The client has ended its side; requests it sent before may still follow this one. */
  noteHalfClose(): void {
    if (this.halfClosed) return
    this.halfClosed = true
    if (this.upstream?.requestComplete === true) this.tellDeparture()
  }

  /** The client is gone: nobody will read the response. */
  clientGone(): void {
    if (this.phase === 'idle') return
    const cause = this.phase === 'tunnel' ? 'tunnel-closed' : 'client-gone'
    if (this.phase === 'queued') this.plane.claims.withdraw(this)
    this.dropUpstream('client-gone')
    if (this.status === 0) this.status = statusOfFailure('client-gone')
    this.record(cause)
  }

  /** The client took all that was waiting for it. */
  clientDrained(): void {
    this.progress.clientMoved()
    this.share.free()
    if (this.phase === 'flushing') return this.end(this.cause)
    this.upstream?.resume()
  }

  /** The balancer goes down: cuts tunnels, which may never end by themselves. */
  closeTunnel(): void {
    if (this.phase === 'tunnel') this.cut('closing', 'ok')
  }

  // Claimant

  granted(backend: Backend): void {
    this.queueMs += this.progress.inPhaseMs(this.clock.nowMs)
    this.connect(backend)
  }

  refused(reason: ClaimRefusal): void {
    this.queueMs += this.progress.inPhaseMs(this.clock.nowMs)
    this.fail(this.causeOfRefusal(reason))
  }

  // SlowClient

  get keepsBackend(): boolean {
    if (this.claimed === undefined || this.held !== undefined || this.claimed.leaving) return false
    if (this.phase === 'responding' && this.client.outbox.waiting > 0) return this.upstream?.isPaused === true
    return this.awaitsBody
  }

  get lagMs(): number {
    return this.progress.lagMs
  }

  giveWay(): void {
    this.clientTimedOut()
  }

  // ResponseSink

  connected(): void {
    this.send()
  }

  interim(response: ResponseHead): void {
    this.progress.backendMoved()
    if (response.status !== 100) return this.relayInterim(response)
    if (!this.awaitsContinue) return
    this.awaitsContinue = false
    this.relayInterim(response)
    this.client.inputWanted()
  }

  switching(response: ResponseHead): boolean {
    if (this.upgrade === undefined || !switchesTo(response, this.upgrade)) return false
    if (this.refusesToHold()) return false
    this.status = 101
    this.responseMs = this.clock.nowMs - this.dispatchedAt
    const cookie = this.plane.settings.sticky?.valueFor(this.claimed!, this)
    this.plane.responses.writeSwitching(this.client.outbox, response, this.upgrade, cookie)
    this.enter('tunnel')
    this.hold('tunnel')
    this.tunnelEnds = false
    this.persists = false
    this.client.inputWanted()
    return true
  }

  head(response: ResponseHead): void {
    const isEventStream = opensEventStream(response)
    if (isEventStream && this.refusesToHold()) return
    const edits = this.responseEdits(response)
    if (edits === null) return
    this.status = response.status
    this.responseMs = this.clock.nowMs - this.dispatchedAt
    this.body.forget()
    this.share.free()
    this.framing = this.clientFraming(response)
    this.persists =
      this.persists && this.client.mayPersist && this.framing !== 'close' && !this.refusesBody(response)
    this.plane.responses.write(this.client.outbox, {
      response,
      framing: this.framing,
      connection: this.connectionOption(),
      trailers: this.trailers && this.framing === 'chunked',
      requestId: this.plane.settings.forwarding.exposeRequestId ? this.idOrNumber : undefined,
      edits,
    })
    this.awaitsContinue = false
    this.enter('responding')
    if (isEventStream) this.hold('event-stream')
  }

  data(bytes: Buffer, from: number, to: number): void {
    const { outbox } = this.client
    this.progress.backendMoved()
    if (this.swallows) return
    if (this.framing === 'chunked' && this.phase === 'responding') appendChunk(outbox, bytes, from, to)
    else outbox.append(bytes, from, to)
    if (outbox.waiting > 0 && !this.mayBuffer()) this.upstream?.pause()
  }

  complete(trailers: FieldSection | undefined, options: ConnectionOptions): void {
    if (this.framing === 'chunked') this.lastChunk(trailers, options)
    this.client.outbox.flush()
    this.upstream = undefined
    this.release('ok')
    this.finish('completed')
  }

  tunnelEnded(): void {
    this.tunnelEnds = true
    this.client.shutdown()
  }

  failed(failure: UpstreamFailure, reason?: string): void {
    this.reason = reason
    if (reason !== undefined && this.backend !== undefined)
      this.plane.settings.observer.attemptFailed(this.backend, reason)
    const isStale = failure === 'reset' && this.isStale()
    const wasIdle = isStale && this.upstream!.restedMs >= RESTED_MS
    const repeatable = failure === 'reset' && this.mayRepeat()
    const rests = repeatable && !isStale && this.shouldRest()
    this.upstream = undefined
    if (this.phase === 'tunnel') return this.tunnelClosed()
    if (this.phase === 'responding') return this.cut(causeOf(failure), failure)
    if (failure === 'connect-failed') return this.tryNext(failure)
    if (this.onTrial && this.isRepeatable) return this.tryNext(failure)
    if (failure === 'bad-response' && this.mayAskAnother()) return this.askAnother(failure)
    const outcome = wasIdle ? 'stale' : failure
    if (repeatable && this.retry(outcome, rests)) return
    this.release(outcome)
    this.fail(causeOf(outcome))
  }

  upstreamDrained(): void {
    this.progress.backendMoved()
    this.client.inputWanted()
  }

  /** Checks all time limits. @param now monotonic milliseconds */
  tick(now: number): void {
    const { timeouts } = this.plane.settings
    const { progress } = this
    if (this.phase === 'idle') return
    this.noteTaken(now)
    this.noteLag(now)
    if (this.isReadTooSlow(now)) return this.cut('client-timeout', 'client-gone')
    if (this.phase === 'tunnel') return this.tickTunnel(now)
    if (this.restsFrom !== undefined) return this.goOn(now)
    if (now - this.begunAt > timeouts.totalMs) return this.timeOut('response-timeout', 'response-timeout')
    if (this.phase === 'connecting' && progress.inPhaseMs(now) > timeouts.connectMs)
      return this.connectTimedOut()
    if (this.awaitsContinue && progress.inPhaseMs(now) > timeouts.continueMs) this.continueAnyway()
    if (this.isBodyTooSlow(now)) return this.clientTimedOut()
    if (this.isTrialTooSlow(now)) return this.trialTimedOut()
    if (this.isBackendTooSlow(now)) return this.timeOut('response-timeout', 'response-timeout')
    if (this.upstream?.isPaused === true && this.mayBuffer()) this.upstream.resume()
  }

  private start(head: RequestHead | undefined, firstByteAt: number): void {
    this.resetFacts(head)
    this.edits = this.upgrade = undefined
    this.restsFrom = this.lastFailure = undefined
    this.tried.length = this.repeats = 0
    this.freshOnly =
      this.onTrial =
      this.rested =
      this.swallows =
      this.awaitsContinue =
      this.halfClosed =
        false
    this.sentBefore = this.client.outbox.sent
    this.begunAt = firstByteAt
    this.progress.begin()
    this.plane.settings.observer.started()
  }

  private enter(phase: ExchangePhase): void {
    this.phase = phase
    this.progress.enterPhase()
  }

  // --- the backend

  /** Whether the body is read before a backend is claimed, so that a slow client does not occupy one. */
  private mayGather(head: RequestHead): boolean {
    const { settings, claims } = this.plane
    const { maxRequestBufferBytes } = settings.limits
    if (this.body.done || maxRequestBufferBytes === 0 || !claims.isPressed) return false
    const { framing, length } = head.body
    return this.share.growTo(
      framing === 'length' ? Math.min(length, maxRequestBufferBytes) : maxRequestBufferBytes,
    )
  }

  /** A client that waits to be asked for its body is asked here: nobody else would (RFC 9110 §10.1.1). */
  private gather(head: RequestHead): void {
    this.enter('gathering')
    this.body.beginGathering(this.plane.settings.limits.maxRequestBufferBytes)
    if (head.expectsContinue) this.client.outbox.appendText(CONTINUE)
  }

  private takeEarly(chunk: Buffer, from: number, to: number): number {
    const end = this.body.gather(chunk, from, to)
    if (end < 0) return this.refuseBody(this.body.fault!, to)
    if (this.body.isGathered) this.claim()
    return end
  }

  private claim(): void {
    this.enter('queued')
    const refusal = this.asksForTunnel ? this.clientsRefusal() : undefined
    if (refusal !== undefined) return this.fail(refusal)
    const result = this.plane.claims.claim(this, this.tried)
    if (result === 'queued') return
    if (typeof result === 'string') return this.fail(this.causeOfRefusal(result))
    this.connect(result)
  }

  /** That nobody is left to be asked says less than what happened at the last one. */
  private causeOfRefusal(reason: ClaimRefusal): EndCause {
    return causeOf(reason === 'no-backend' ? (this.lastFailure ?? reason) : reason)
  }

  /** Why the client, or all of them, may have no more tunnels and event streams. */
  private clientsRefusal(): LongLivedRefusal | undefined {
    return this.plane.longLived.refusal(this.countedAddress, this.plane.settings.limits)
  }

  /** Answers with 503 instead of becoming a tunnel or an event stream, when there are as many as there may be. */
  private refusesToHold(): boolean {
    const hasRoom = this.plane.claims.hasRoom(this.claimed!)
    const refusal = hasRoom ? this.clientsRefusal() : 'long-lived-backend'
    if (refusal === undefined) return false
    this.withdraw('ok')
    this.fail(refusal)
    return true
  }

  /** What lasts for as long as its client likes takes no place that requests could have. */
  private hold(kind: LongLived): void {
    this.held = kind
    this.heldFor = this.countedAddress
    this.plane.longLived.add(this.heldFor)
    this.client.exchangeLasts()
    this.plane.claims.hold(this.claimed!, kind, this.onTrial)
  }

  private connect(backend: Backend): void {
    this.claimed = backend
    this.onTrial = backend.onTrial
    this.backend = backend.id
    this.reason = undefined
    this.generation = backend.generation
    this.dispatchedAt = this.clock.nowMs
    this.upstream = this.freshOnly
      ? undefined
      : this.plane.upstreams.takeIdle(backend, this, this.request!.isIdempotent)
    if (this.upstream !== undefined) return this.send()
    this.enter('connecting')
    this.upstream = this.plane.upstreams.open(backend, this)
  }

  private send(): void {
    const head = this.request!
    const upstream = this.upstream!
    this.enter('waiting')
    this.upstreamSent = upstream.outbox.sent
    upstream.expect(head.isHead)
    this.plane.requests.write(upstream.outbox, {
      head,
      address: this.claimed!.address,
      identity: this.client.identity,
      statement: this.statement,
      requestId: this.idOrNumber,
      upgrade: this.upgrade,
      acceptsTrailers: this.trailers,
      edits: this.edits,
    })
    this.sendBody(head)
  }

  private sendBody(head: RequestHead): void {
    const upstream = this.upstream!
    if (this.retries > 0 || this.body.gathered) this.body.replay(upstream.outbox)
    if (upstream.reused || head.isIdempotent) this.body.keep()
    else this.body.forget()
    if (this.body.done) return this.requestSent()
    this.awaitsContinue = head.expectsContinue && this.body.received === 0
    this.client.inputWanted()
  }

  private requestSent(): void {
    this.upstream!.requestComplete = true
    this.progress.backendMoved()
    if (this.halfClosed) this.tellDeparture()
  }

  /** Most clients that end their side have left: work for nobody may stop. */
  private tellDeparture(): void {
    if (this.plane.settings.halfClose !== 'tell') return
    const { requestId, clientAddress, clientPort: port } = this
    const address = clientAddress === UNIX_PEER ? '-' : clientAddress
    this.plane.departures.tell(this.claimed!, { requestId, address, port })
  }

  private holdClient(): void {
    if (this.upstream !== undefined && this.upstream.outbox.waiting > 0) this.client.inputRefused()
  }

  private refuseBody(fault: Fault, at: number): number {
    this.body.abandon()
    if (this.phase === 'responding') this.cut('bad-request', 'client-gone')
    else {
      this.withdraw('client-gone')
      this.persists = false
      this.answersError(statusOf(fault), 'bad-request')
    }
    return at
  }

  private continueAnyway(): void {
    this.awaitsContinue = false
    this.client.outbox.appendText(CONTINUE)
    this.client.inputWanted()
  }

  // --- the response

  private relayInterim(response: ResponseHead): void {
    if (this.request!.minor > 0) this.plane.responses.writeInterim(this.client.outbox, response)
  }

  /** @returns the edits of the hook, `null` when it threw and the exchange has been ended */
  private responseEdits(response: ResponseHead): FieldEdits | undefined | null {
    const { hooks, observer, sticky } = this.plane.settings
    const { onResponse } = hooks
    if (onResponse === undefined && sticky === undefined) return undefined
    const edits = new FieldEdits(response)
    const cookie = sticky?.valueFor(this.claimed!, this)
    if (cookie !== undefined) edits.append('Set-Cookie', cookie)
    if (onResponse === undefined) return edits
    if (callResponseHook(onResponse, response, edits, this, (error) => observer.fault(error))) return edits
    this.withdraw('ok')
    this.answersError(502, 'local-failure')
    return null
  }

  private clientFraming(response: ResponseHead): ClientFraming {
    const { framing } = response.body
    this.swallows = response.status === 205
    if (framing === 'none' || this.swallows) return 'none'
    if (framing === 'length') return 'length'
    return this.request!.minor > 0 ? 'chunked' : 'close'
  }

  /** A final response while the body is not even wanted, or that refuses it: the rest will not be read (RFC 9112 §9.5). */
  private refusesBody(response: ResponseHead): boolean {
    return !this.body.done && (this.awaitsContinue || response.status >= 300)
  }

  /** Whether the backend may go on while the client does not: if what is to come fits, it is free the sooner. */
  private mayBuffer(): boolean {
    if (this.phase !== 'responding' || this.held !== undefined) return false
    const { waiting } = this.client.outbox
    const whole = waiting + (this.upstream?.announcedBytes ?? 0)
    if (whole > this.plane.settings.limits.maxResponseBufferBytes) return false
    return this.plane.claims.isPressed && this.share.growTo(waiting)
  }

  private lastChunk(trailers: FieldSection | undefined, options: ConnectionOptions): void {
    const { outbox } = this.client
    if (trailers === undefined || trailers.count === 0 || !this.trailers) appendLastChunk(outbox)
    else this.plane.responses.writeTrailers(outbox, trailers, options)
  }

  // --- failure

  /**
   * Lost before a byte of the response: a stale connection, or a backend that died. The request is sent again if
   * nothing of it was sent, or if doing it twice is the same as once (RFC 9110 §9.2.2) and it was under way so
   * shortly that it is hardly what the backend died of.
   */
  private mayRepeat(): boolean {
    const upstream = this.upstream!
    if (upstream.answered || !this.body.isReplayable) return false
    const nothingSent = upstream.outbox.sent === this.upstreamSent
    return nothingSent || (this.request!.isIdempotent && this.isYoung())
  }

  private isYoung(): boolean {
    return this.clock.nowMs - this.dispatchedAt <= this.plane.settings.timeouts.repeatMs
  }

  /** Nothing was sent, or it can be sent again: the next backend is asked, each of them once. */
  private tryNext(failure: FailedOutcome): void {
    this.giveUpOn(failure)
    this.claim()
  }

  /** Something was sent: that is done again as often as settings and budget allow. */
  private retry(failure: FailedOutcome, rests: boolean): boolean {
    const failed = this.claimed
    // Of the same process both times: it was on its way out already, and has executed nothing twice.
    const isSecond = rests && this.tried.at(-1) === failed && this.plane.claims.mayRetry()
    if (!isSecond && !this.mayRetry()) return false
    this.repeats++
    this.giveUpOn(failure)
    if (rests) this.rest(failed)
    else this.claim()
    return true
  }

  private giveUpOn(failure: FailedOutcome): void {
    if (this.claimed !== undefined) this.tried.push(this.claimed)
    this.lastFailure = failure
    this.retries++
    this.freshOnly = true
    this.release(failure)
  }

  /** One connection that was closed because it was idle says nothing about its backend. */
  private isStale(): boolean {
    return (
      this.upstream!.reused && !this.upstream!.answered && this.clock.nowMs - this.dispatchedAt <= STALE_MS
    )
  }

  /**
   * A process that is ended by the system accepts for some milliseconds what it will never read. With nobody else to
   * go to, the next attempt comes after them.
   */
  private shouldRest(): boolean {
    return !this.rested && !this.plane.claims.hasOther(this.claimed!)
  }

  private rest(failed: Backend | undefined): void {
    this.rested = true
    this.restsFrom = failed
    this.enter('queued')
  }

  private goOn(now: number): void {
    if (this.progress.inPhaseMs(now) < REST_MS) return
    this.restsFrom = undefined
    this.queueMs += this.progress.inPhaseMs(now)
    this.claim()
  }

  private mayRetry(): boolean {
    const { settings, claims } = this.plane
    return this.repeats < settings.retries && claims.mayRetry()
  }

  private connectTimedOut(): void {
    this.dropConnection()
    this.tryNext('connect-timeout')
  }

  private trialTimedOut(): void {
    this.dropConnection()
    this.tryNext('response-timeout')
  }

  private timeOut(cause: EndCause, outcome: FailedOutcome): void {
    // That an event stream is silent says nothing about its backend.
    if (this.held !== undefined) return this.cut(cause, 'ok')
    if (this.phase === 'responding' || this.phase === 'flushing') return this.cut(cause, outcome)
    if (outcome === 'response-timeout' && this.mayAskAnother()) {
      return this.askAnother(outcome)
    }
    this.withdraw(outcome)
    this.fail(cause)
  }

  /** Nothing was passed on, and another backend may do better: what had little time may have it again. */
  private mayAskAnother(): boolean {
    if (this.phase !== 'waiting' || this.claimed === undefined || !this.isRepeatable || !this.isYoung())
      return false
    return this.plane.claims.hasOther(this.claimed) && this.mayRetry()
  }

  private askAnother(failure: FailedOutcome): void {
    this.repeats++
    this.dropConnection()
    this.tryNext(failure)
  }

  private clientTimedOut(): void {
    if (this.phase === 'responding') return this.cut('client-timeout', 'client-gone')
    this.withdraw('client-gone')
    this.body.abandon()
    this.persists = false
    this.fail('client-timeout')
  }

  /** The response cannot be completed. */
  private cut(cause: EndCause, outcome: Outcome): void {
    const { outbox } = this.client
    const reset = this.framing === 'close' && this.phase === 'responding'
    this.dropUpstream(outcome)
    outbox.flush()
    this.record(cause)
    this.client.cut(reset || outbox.waiting > 0)
  }

  private tunnelClosed(): void {
    this.release('ok')
    this.finish('tunnel-closed')
  }

  // --- the end

  /** Leaves the queue or the backend, whichever the exchange is at. */
  private withdraw(outcome: Outcome): void {
    if (this.phase === 'queued') this.plane.claims.withdraw(this)
    this.dropUpstream(outcome)
  }

  private dropUpstream(outcome: Outcome): void {
    this.dropConnection()
    this.release(outcome)
  }

  private dropConnection(): void {
    const { upstream } = this
    this.upstream = undefined
    upstream?.destroy()
  }

  private release(outcome: Outcome): void {
    const backend = this.claimed
    this.claimed = undefined
    if (backend === undefined) return
    if (this.held !== undefined) this.stopHolding(backend, this.held, outcome)
    else this.plane.claims.release(backend, outcome, this.onTrial)
  }

  private stopHolding(backend: Backend, kind: LongLived, outcome: Outcome): void {
    this.plane.longLived.remove(this.heldFor)
    this.held = this.heldFor = undefined
    this.plane.claims.letGo(backend, kind, outcome)
  }

  protected override finish(cause: EndCause): void {
    const { outbox } = this.client
    outbox.flush()
    this.cause = cause
    if (outbox.waiting > 0) return this.enter('flushing')
    this.end(cause)
  }

  private end(cause: EndCause): void {
    const persists = this.persists && this.body.done
    this.record(cause)
    this.client.exchangeEnded(persists)
  }

  private record(cause: EndCause): void {
    this.phase = 'idle'
    this.cause = cause
    this.bytesSent = this.client.outbox.sent - this.sentBefore
    this.totalMs = this.clock.nowMs - this.begunAt
    this.plane.settings.observer.ended(this)
    this.request = undefined
    this.body.forget()
    this.share.free()
  }

  // --- time

  /** Only of a client for which bytes wait it matters how many it acknowledged. */
  private noteTaken(now: number): void {
    const { outbox } = this.client
    this.progress.tick(now, outbox.waiting > 0 ? outbox.acknowledged : outbox.sent)
    if (outbox.waiting === 0) this.progress.clientKeepsUp()
  }

  private noteLag(now: number): void {
    const { minResponseBytesPerSecond, minBodyBytesPerSecond } = this.plane.settings.limits
    const slowest = this.phase === 'responding' ? minResponseBytesPerSecond : minBodyBytesPerSecond
    if (slowest === 0 || !this.keepsBackend) return this.progress.keepsNoBackend()
    const forMs = now - this.upstream!.pausedAt
    this.progress.keepsBackend(forMs, this.body.received, slowest * CROWDED_RATE_FACTOR)
    this.plane.slowClients.watch(this)
  }

  private get awaitsBody(): boolean {
    return !this.body.done && !this.awaitsContinue && this.wantsInput
  }

  private isReadTooSlow(now: number): boolean {
    if (this.client.outbox.waiting === 0) return false
    const { timeouts, limits } = this.plane.settings
    if (this.phase === 'tunnel') return this.progress.clientSilentMs(now) > timeouts.writeIdleMs
    return this.progress.isReadTooSlow(now, timeouts, limits, this.isCrowded)
  }

  /** Whether others wait for what this exchange occupies: a place at a backend, or a part of the buffers. */
  private get isCrowded(): boolean {
    const takesPlace = this.claimed?.leaving === false && this.held === undefined
    return this.plane.claims.queued > 0 && (takesPlace || this.share.isUsed)
  }

  private tickTunnel(now: number): void {
    const { tunnelIdleMs, tunnelEndMs } = this.plane.settings.timeouts
    if (this.progress.silentMs(now) > (this.tunnelEnds ? Math.min(tunnelEndMs, tunnelIdleMs) : tunnelIdleMs))
      this.cut('tunnel-closed', 'ok')
  }

  private isBodyTooSlow(now: number): boolean {
    if (!this.awaitsBody) return false
    const { timeouts, limits } = this.plane.settings
    return this.progress.isBodyTooSlow(now, this.body.received, timeouts, limits, this.isCrowded)
  }

  /** Whoever can be served elsewhere does not wait long for a backend that was put aside. */
  private isTrialTooSlow(now: number): boolean {
    if (!this.onTrial || this.phase !== 'waiting' || !this.isRepeatable) return false
    const { responseMs } = this.plane.settings.timeouts
    return this.progress.backendSilentMs(now) > Math.min(TRIAL_MS, responseMs)
  }

  private isBackendTooSlow(now: number): boolean {
    const { timeouts } = this.plane.settings
    const silentMs = this.progress.backendSilentMs(now)
    if (this.phase === 'waiting') return this.isWaitingForBackend() && silentMs > timeouts.responseMs
    if (this.phase !== 'responding' || this.upstream?.isPaused !== false) return false
    return silentMs > timeouts.responseIdleMs
  }

  /** The request is complete, or the backend does not take the rest of it. */
  private isWaitingForBackend(): boolean {
    return this.body.done || (this.upstream !== undefined && this.upstream.outbox.waiting > 0)
  }
}
