import { UNIX_PEER, type ClientIdentity, type TrustedStatement } from '../forwarding/client-identity.ts'
import type { BackendAddress } from '../address/backend-address.ts'
import type { FieldEdits } from '../forwarding/field-edits.ts'
import type { OutgoingRequest } from '../forwarding/outgoing-request.ts'
import type { RequestRules } from '../forwarding/request-rules.ts'
import type { Trailers } from '../forwarding/trailers.ts'
import type { RequestHead } from '../http1/request-head.ts'
import type { UpstreamExchange } from '../upstream/upstream-exchange.ts'
import type { Attempt } from './attempt.ts'
import type { BufferShare } from './buffer-budget.ts'
import type { ClientSide } from './client-side.ts'
import type { DataPlane } from './data-plane.ts'
import type { ExchangeFacts } from './exchange-facts.ts'
import type { Progress } from './progress.ts'
import type { RequestBody } from './request-body.ts'

/** Passes a request on to the backend of each attempt, at the pace of the backend. To the connection there it is the request itself. */
export class RequestRelay implements OutgoingRequest {
  /** The client waits to be asked for its body (RFC 9110 §10.1.1). */
  awaitsContinue = false
  private isHalfClosed = false
  private readonly plane: DataPlane
  private readonly client: ClientSide
  private readonly body: RequestBody
  private readonly facts: ExchangeFacts
  private readonly attempt: Attempt
  private readonly progress: Progress

  constructor(
    plane: DataPlane,
    client: ClientSide,
    body: RequestBody,
    facts: ExchangeFacts,
    attempt: Attempt,
    progress: Progress,
  ) {
    this.plane = plane
    this.client = client
    this.body = body
    this.facts = facts
    this.attempt = attempt
    this.progress = progress
  }

  /** Forgets the previous request. */
  reset(): void {
    this.awaitsContinue = this.isHalfClosed = false
  }

  get asksForTunnel(): boolean {
    return this.client.upgrade !== undefined
  }

  /** Whether the request can be sent to another backend when one fails (RFC 9110 §9.2.2). */
  get isRepeatable(): boolean {
    return this.facts.request?.isIdempotent === true && this.body.done && this.body.isReplayable
  }

  /**
   * Whether the body is read before a backend is claimed, so that a slow client does not occupy one.
   *
   * @param share of the buffers, which grows for it
   */
  mayGather({ body }: RequestHead, share: BufferShare): boolean {
    const { settings, claims } = this.plane
    const { maxRequestBufferBytes } = settings.limits
    if (this.body.done || maxRequestBufferBytes === 0 || !claims.isPressed) return false
    return share.growTo(
      body.isOpenEnded ? maxRequestBufferBytes : Math.min(body.length, maxRequestBufferBytes),
    )
  }

  /** A client that waits to be asked for its body is asked here, as there is no backend that could do it. */
  beginGathering(head: RequestHead): void {
    this.body.beginGathering(this.plane.settings.limits.maxRequestBufferBytes)
    if (head.expectsContinue) this.client.askForBody()
  }

  /** Sends the head, and what was read or kept of the body. @param again whether an attempt before this one failed */
  send(upstream: UpstreamExchange, again: boolean): void {
    const { body, head } = this
    upstream.send(this)
    if (again || body.gathered) body.replay(upstream)
    if (upstream.reused || head.isIdempotent) body.keep()
    else body.forget()
    if (body.done) return this.sent(upstream)
    this.awaitsContinue = head.expectsContinue && body.received === 0
    this.client.inputWanted()
  }

  // --- what the connection to the backend reads of it: `OutgoingRequest`

  get head(): RequestHead {
    return this.facts.request!
  }

  get address(): BackendAddress {
    return this.attempt.backend!.address
  }

  get identity(): ClientIdentity {
    return this.client.identity
  }

  get statement(): TrustedStatement | undefined {
    return this.facts.statement
  }

  get requestId(): string | number {
    return this.facts.idOrNumber
  }

  get upgrade(): string | undefined {
    return this.client.upgrade
  }

  get takesTrailers(): boolean {
    return this.client.takesTrailers
  }

  get edits(): FieldEdits | undefined {
    return this.facts.edits
  }

  get rules(): RequestRules {
    return this.plane.requestRules
  }

  // --- the body

  /** Takes body bytes. @returns whether the body is still as small as it has to be */
  take(bytes: Buffer, from: number, to: number): boolean {
    const upstream = this.attempt.upstream!
    this.awaitsContinue = false
    if (!this.body.pass(bytes, from, to, upstream)) return false
    if (upstream.waiting > 0) this.client.inputNotWanted()
    return true
  }

  takeForTunnel(bytes: Buffer, from: number, to: number): void {
    const upstream = this.attempt.upstream!
    upstream.data(bytes, from, to)
    if (upstream.waiting > 0) this.client.inputNotWanted()
  }

  /** The body is complete. @param isSent whether the backend has what came before */
  end(trailers: Trailers | undefined, isSent: boolean): void {
    this.awaitsContinue = false
    this.body.end(this.plane.settings.forwarding.requestTrailers ? trailers : undefined)
    if (isSent) this.sent(this.attempt.upstream!)
  }

  /** The client's connection does not need this chunk any more: the memory of a large upload is freed at once. */
  freeChunk(chunk: Buffer): void {
    const { upstream } = this.attempt
    if (upstream === undefined || this.body.holds || this.facts.request?.isIn(chunk) === true) return
    upstream.freeChunk(chunk)
  }

  /** The backend says nothing to `Expect: 100-continue`: the balancer asks the client. */
  continueAnyway(): void {
    this.awaitsContinue = false
    this.client.askForBody()
    this.client.inputWanted()
  }

  /** The client has ended its side. */
  noteHalfClose(): void {
    if (this.isHalfClosed) return
    this.isHalfClosed = true
    if (this.attempt.upstream?.requestComplete === true) this.tellDeparture()
  }

  private sent(upstream: UpstreamExchange): void {
    upstream.end(this.body.trailers)
    this.progress.backendMoved()
    if (this.isHalfClosed) this.tellDeparture()
  }

  /** Most clients that end their side have left: a backend that is told can stop working for them. */
  private tellDeparture(): void {
    if (this.plane.settings.halfClose !== 'tell') return
    const { requestId, clientAddress, clientPort: port } = this.facts
    const address = clientAddress === UNIX_PEER ? '-' : clientAddress
    this.plane.departures.tell(this.attempt.backend!, { requestId, address, port })
  }
}
