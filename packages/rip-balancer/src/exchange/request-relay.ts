import { UNIX_PEER, type ClientIdentity, type TrustedStatement } from '../forwarding/client-identity.ts'
import type { BackendAddress } from '../address/backend-address.ts'
import type { FieldEdits } from '../forwarding/field-edits.ts'
import type { OutgoingRequest } from '../forwarding/outgoing-request.ts'
import type { RequestRules } from '../forwarding/request-rules.ts'
import type { RequestHead } from '../http1/request-head.ts'
import type { UpstreamExchange } from '../upstream/upstream-exchange.ts'
import type { Attempt } from './attempt.ts'
import type { BufferShare } from './buffer-budget.ts'
import type { ClientSide } from './client-side.ts'
import type { DataPlane } from './data-plane.ts'
import type { ExchangeFacts } from './exchange-facts.ts'
import type { Progress } from './progress.ts'
import type { RequestBody } from './request-body.ts'
import { acceptsTrailers, requestedUpgrade } from './upgrade.ts'

/** Passes a request on to the backend of each attempt, at the pace of the backend. To the connection there it is the request itself. */
export class RequestRelay implements OutgoingRequest {
  /** The client waits to be asked for its body (RFC 9110 §10.1.1). */
  awaitsContinue = false
  /** Protocol the client asks to switch to, if that is allowed. */
  upgrade: string | undefined
  /** Whether the client wants trailer fields of the response. */
  takesTrailers = false
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
    this.upgrade = undefined
    this.awaitsContinue = this.takesTrailers = this.isHalfClosed = false
  }

  begin(head: RequestHead): void {
    this.body.begin(head.body, head.connection)
    if (this.body.passesTrailers) head.connection.keepNames(head)
    this.upgrade = requestedUpgrade(head, this.plane.settings.upgrades)
    this.takesTrailers = acceptsTrailers(head)
  }

  get asksForTunnel(): boolean {
    return this.upgrade !== undefined
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
  mayGather({ body: { framing, length } }: RequestHead, share: BufferShare): boolean {
    const { settings, claims } = this.plane
    const { maxRequestBufferBytes } = settings.limits
    if (this.body.done || maxRequestBufferBytes === 0 || !claims.isPressed) return false
    return share.growTo(
      framing === 'length' ? Math.min(length, maxRequestBufferBytes) : maxRequestBufferBytes,
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

  get edits(): FieldEdits | undefined {
    return this.facts.edits
  }

  get rules(): RequestRules {
    return this.plane.requestRules
  }

  // --- the body

  /** Takes body bytes. @returns where they end in the input, -1 when the body is refused */
  take(chunk: Buffer, from: number, to: number, upstream: UpstreamExchange): number {
    this.awaitsContinue = false
    const end = this.body.take(chunk, from, to, upstream)
    if (end < 0) return end
    if (this.body.done) this.sent(upstream)
    this.pauseClientIfBehind()
    return end
  }

  takeForTunnel(chunk: Buffer, from: number, to: number, upstream: UpstreamExchange): void {
    upstream.data(chunk, from, to)
    this.pauseClientIfBehind()
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

  private pauseClientIfBehind(): void {
    const { upstream } = this.attempt
    if (upstream !== undefined && upstream.waiting > 0) this.client.inputNotWanted()
  }

  /** Most clients that end their side have left: a backend that is told can stop working for them. */
  private tellDeparture(): void {
    if (this.plane.settings.halfClose !== 'tell') return
    const { requestId, clientAddress, clientPort: port } = this.facts
    const address = clientAddress === UNIX_PEER ? '-' : clientAddress
    this.plane.departures.tell(this.attempt.backend!, { requestId, address, port })
  }
}
