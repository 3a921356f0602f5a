import { readStatement, UNIX_PEER, type TrustedStatement } from '../forwarding/client-identity.ts'
import { FieldEdits } from '../forwarding/field-edits.ts'
import { isRequestId, nextRequestNumber, requestIdText } from '../forwarding/request-id.ts'
import { FIELD } from '../http1/field-name.ts'
import { methodNumber } from '../http1/method-number.ts'
import type { RequestHead } from '../http1/request-head.ts'
import { requestKind } from '../http1/request-kind.ts'
import type { Backend } from '../upstream/backend.ts'
import type { RecentAnswers } from '../answers/recent-answers.ts'
import type { AffinitySource } from '../forwarding/affinity.ts'
import type { ClientSide } from './client-side.ts'
import type { DataPlane } from './data-plane.ts'
import type { EndCause, ExchangeRecord } from './record.ts'
import type { RequestBody } from './request-body.ts'

/** What the record of an exchange is read from. */
export interface RecordedExchange {
  readonly plane: DataPlane
  readonly client: ClientSide
  readonly body: RequestBody
}

/**
 * What is known about the current exchange of a connection, and its record when it ends. Texts are made when they are
 * read.
 */
export class ExchangeFacts implements ExchangeRecord, AffinitySource {
  status = 0
  cause: EndCause = 'completed'
  retries = 0
  lot = 0
  lotFailed = false
  held = false
  queueMs = 0
  responseMs = 0
  endedAtMs = 0
  reason: string | undefined = undefined
  /** The last one that was tried. */
  tried: Backend | undefined = undefined
  request: RequestHead | undefined
  /** When the first byte of the request arrived, on the monotonic clock. */
  begunAt = 0
  /** What the request hook changed. */
  edits: FieldEdits | undefined
  /** What a trusted proxy says about its client. */
  statement: TrustedStatement | undefined
  private readonly context: RecordedExchange
  /** 0 until there is one. */
  private id: string | number = 0
  private sentBefore = 0

  /** @param context is not read here, as it may be incomplete */
  constructor(context: RecordedExchange) {
    this.context = context
  }

  get startedAt(): number {
    return this.context.plane.turn.clock.wallMs(this.begunAt)
  }

  get method(): string {
    return this.readable?.method ?? ''
  }

  get target(): string {
    return this.readable?.target ?? ''
  }

  get host(): string {
    return this.readable?.host ?? ''
  }

  get protocol(): string {
    const head = this.readable
    return head === undefined ? '' : protocolOf(head)
  }

  get scheme(): 'http' | 'https' {
    return this.statement?.scheme ?? this.context.client.identity.scheme
  }

  get clientAddress(): string {
    return this.statement?.address ?? this.context.client.identity.address
  }

  /** Port of the client, 0 when unknown. */
  get clientPort(): number {
    return this.statement?.port ?? this.context.client.identity.port
  }

  /** Address that tunnels and event streams are counted for; none for Unix peers, and for proxies that name no client. */
  get countedAddress(): string | undefined {
    const { clientAddress } = this
    const { identity } = this.context.client
    const isProxy = identity.trusted && clientAddress === identity.address
    return isProxy || clientAddress === UNIX_PEER ? undefined : clientAddress
  }

  get requestId(): string {
    const id = this.idOrNumber
    return typeof id === 'string' ? id : requestIdText(id)
  }

  /** The request id, or the number of one that the balancer made, which is spelled out only where it is read. */
  get idOrNumber(): string | number {
    if (this.id === 0) this.id = nextRequestNumber()
    return this.id
  }

  get kind(): number {
    const head = this.readable
    return head === undefined ? 0 : requestKind(head, this.context.plane.kindSeed)
  }

  get methodNumber(): number {
    const head = this.readable
    return head === undefined ? 0 : methodNumber(head)
  }

  get userAgent(): string {
    return this.request?.text(FIELD.userAgent) ?? ''
  }

  get referer(): string {
    return this.request?.text(FIELD.referer) ?? ''
  }

  /** What the client would like to read; `undefined` before its request line was read. */
  get accept(): string | undefined {
    return this.readable?.text(FIELD.accept)
  }

  /** Values of the fields of a name, as the request hook left them. */
  values(name: string): readonly string[] {
    return (this.edits ?? new FieldEdits(this.request!)).values(name)
  }

  get bytesReceived(): number {
    return this.context.body.received
  }

  get bytesSent(): number {
    return this.context.client.sent - this.sentBefore
  }

  get totalMs(): number {
    return this.endedAtMs - this.begunAt
  }

  get backend(): string | undefined {
    return this.tried?.id
  }

  get generation(): string | undefined {
    return this.tried?.generation
  }

  get answers(): RecentAnswers | undefined {
    return this.tried?.answers
  }

  /** Forgets the previous exchange. @param firstByteAt when the first byte of this one arrived */
  begin(head: RequestHead | undefined, firstByteAt: number): void {
    this.request = head
    this.begunAt = firstByteAt
    this.sentBefore = this.context.client.sent
    this.status = this.retries = this.lot = 0
    this.queueMs = this.responseMs = 0
    this.lotFailed = this.held = false
    this.tried = this.reason = undefined
    this.edits = this.statement = undefined
    this.id = 0
  }

  /** Reads what the client says about itself, as far as it is believed. */
  readClaims(head: RequestHead): void {
    const { identity } = this.context.client
    const { forwarding } = this.context.plane.settings
    if (identity.trusted) this.statement = readStatement(head, identity, forwarding.trustedProxies)
    if (!identity.trusted && !forwarding.acceptRequestId) return
    const index = head.find(FIELD.xRequestId)
    if (index >= 0 && isRequestId(head.bytes, head.valueStart(index), head.valueEnd(index)))
      this.id = head.value(index)
  }

  /** An attempt failed, or its connection was lost. @param reason what the system or TLS said, if they did */
  noteReason(reason: string | undefined): void {
    this.reason = reason
    if (reason !== undefined && this.backend !== undefined)
      this.context.plane.settings.observer.attemptFailed(this.backend, reason)
  }

  /** The exchange has ended: completes the record and hands it over. */
  end(cause: EndCause): void {
    this.cause = cause
    this.endedAtMs = this.context.plane.turn.clock.nowMs
    this.context.plane.settings.observer.ended(this)
    this.request = undefined
  }

  /** The request, once its first line was read. */
  private get readable(): RequestHead | undefined {
    return this.request?.hasRequestLine === true ? this.request : undefined
  }
}

/** Of each request it is counted: no text is made for those that are usual. */
function protocolOf(head: RequestHead): string {
  if (head.major === 2) return 'HTTP/2.0'
  return head.minor === 1 ? 'HTTP/1.1' : `HTTP/${head.version}`
}
