import { FIELD } from '../http1/field-name.ts'
import type { RequestHead } from '../http1/request-head.ts'
import { requestKind } from '../http1/request-kind.ts'
import type { Clock } from '../transport/clock.ts'
import { readStatement, UNIX_PEER, type TrustedStatement } from '../forwarding/client-identity.ts'
import type { ClientSide } from './client-side.ts'
import type { DataPlane } from './data-plane.ts'
import type { EndCause, ExchangeRecord } from './record.ts'
import { RequestBody } from './request-body.ts'
import { isRequestId, nextRequestNumber, requestIdText } from '../forwarding/request-id.ts'

/** What is known about the current exchange of a connection; texts are made when somebody asks for them. */
export class ExchangeFacts implements ExchangeRecord {
  status = 0
  cause: EndCause = 'completed'
  retries = 0
  lot = 0
  lotFailed = false
  queueMs = 0
  responseMs = 0
  totalMs = 0
  bytesSent = 0
  backend: string | undefined = undefined
  reason: string | undefined = undefined
  generation: string | undefined = undefined
  protected readonly plane: DataPlane
  protected readonly client: ClientSide
  protected readonly clock: Clock
  protected readonly body: RequestBody
  protected request: RequestHead | undefined
  /** When the first byte of the request arrived, on the monotonic clock. */
  protected begunAt = 0
  /** What a trusted proxy says about its client. */
  protected statement: TrustedStatement | undefined
  private idNumber = 0
  private givenId: string | undefined

  constructor(plane: DataPlane, client: ClientSide) {
    this.plane = plane
    this.client = client
    this.clock = plane.turn.clock
    this.body = new RequestBody(plane.settings.limits, plane.trailerWriter)
  }

  get startedAt(): number {
    return this.clock.wallMs(this.begunAt)
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
    return head === undefined ? '' : `HTTP/1.${head.minor}`
  }

  get scheme(): 'http' | 'https' {
    return this.statement?.scheme ?? this.client.identity.scheme
  }

  get clientAddress(): string {
    return this.statement?.address ?? this.client.identity.address
  }

  /** Port of the client, 0 when unknown. */
  protected get clientPort(): number {
    return this.statement?.port ?? this.client.identity.port
  }

  /** Who tunnels and event streams are counted for; nobody in the case of Unix peers, and of proxies that name no client. */
  protected get countedAddress(): string | undefined {
    const { clientAddress } = this
    const { identity } = this.client
    const isProxy = identity.trusted && clientAddress === identity.address
    return isProxy || clientAddress === UNIX_PEER ? undefined : clientAddress
  }

  get requestId(): string {
    const id = this.idOrNumber
    return typeof id === 'string' ? id : requestIdText(id)
  }

  /** The request id, unspelled when it is one of ours. */
  protected get idOrNumber(): string | number {
    if (this.givenId !== undefined) return this.givenId
    if (this.idNumber === 0) this.idNumber = nextRequestNumber()
    return this.idNumber
  }

  get kind(): number {
    const head = this.readable
    return head === undefined ? 0 : requestKind(head, this.plane.kindSeed)
  }

  get userAgent(): string {
    return this.request?.text(FIELD.userAgent) ?? ''
  }

  get referer(): string {
    return this.request?.text(FIELD.referer) ?? ''
  }

  get bytesReceived(): number {
    return this.body.received
  }

  /** Forgets the previous exchange. */
  protected resetFacts(head: RequestHead | undefined): void {
    this.request = head
    this.status = this.retries = this.bytesSent = this.lot = 0
    this.queueMs = this.responseMs = this.totalMs = 0
    this.lotFailed = false
    this.backend = this.reason = undefined
    this.generation = undefined
    this.statement = undefined
    this.idNumber = 0
    this.givenId = undefined
  }

  /** Reads what the client says about itself, as far as it is believed. */
  protected readClaims(head: RequestHead): void {
    const { identity } = this.client
    const { forwarding } = this.plane.settings
    if (identity.trusted) this.statement = readStatement(head, identity, forwarding.trustedProxies)
    if (!identity.trusted && !forwarding.acceptRequestId) return
    const index = head.find(FIELD.xRequestId)
    if (index >= 0 && isRequestId(head.bytes, head.valueStart(index), head.valueEnd(index)))
      this.givenId = head.value(index)
  }

  /** The request, once its first line was read. */
  protected get readable(): RequestHead | undefined {
    return this.request?.hasRequestLine === true ? this.request : undefined
  }
}
