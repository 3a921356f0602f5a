import type { ClientSide } from '../exchange/client-side.ts'
import type { ClientIdentity } from '../forwarding/client-identity.ts'
import type { FieldEdits } from '../forwarding/field-edits.ts'
import { writeAnswer } from '../forwarding/local-answer.ts'
import type { ClientFraming, ResponseContext, ResponseWriter } from '../forwarding/response-writer.ts'
import type { Trailers } from '../forwarding/trailers.ts'
import type { RequestHead } from '../http1/request-head.ts'
import type { ResponseHead } from '../http1/response-head.ts'
import { appendChunk, appendLastChunk } from '../transport/chunk-writer.ts'
import type { Clock } from '../transport/clock.ts'
import type { Outbox } from '../transport/outbox.ts'
import type { Turn } from '../transport/turn.ts'
import type { Http1Request } from './http1-request.ts'

const CONTINUE = 'HTTP/1.1 100 Continue\r\n\r\n'

/** What the client's side of an exchange leaves to its connection. */
export interface ClientHost {
  readonly outbox: Outbox
  readonly identity: ClientIdentity
  /** Whether another request may follow the current one. */
  readonly mayPersist: boolean
  /** Closes in the middle of a response. @param reset visibly, as an orderly end would look like that of the response */
  abort(reset: boolean): void
  shutdown(): void
  inputWanted(): void
  inputNotWanted(): void
  exchangeLasts(): void
  exchangeEnded(): void
}

/**
 * The client of an exchange as it is on a connection of HTTP/1.1: writes the responses, one after the other, and knows how each
 * of them ends.
 */
export class Http1Client implements ClientSide, ResponseContext {
  /** Whether the connection goes on after this response, as far as is known. */
  persists = false
  private readonly host: ClientHost
  private readonly outbox: Outbox
  private readonly request: Http1Request
  private readonly writer: ResponseWriter
  private readonly clock: Clock
  /** How the body of the response under way is delimited. */
  framing: ClientFraming = 'none'
  /** Whether trailer fields may follow it. */
  trailers = false
  requestId: string | number | undefined
  edits: FieldEdits | undefined
  private isTunnel = false
  private minor: 0 | 1 = 1
  private toHead = false

  constructor(host: ClientHost, request: Http1Request, writer: ResponseWriter, turn: Turn) {
    this.host = host
    this.outbox = host.outbox
    this.request = request
    this.writer = writer
    this.clock = turn.clock
  }

  /** Prepares for the response to a request. @param head as far as it was read @param persists what it says of the connection */
  begin(head: RequestHead | undefined, persists: boolean): void {
    const isReadable = head?.hasRequestLine === true
    this.minor = head?.minor === 0 ? 0 : 1
    this.toHead = isReadable && head.isHead
    this.persists = persists
    this.framing = 'none'
    this.isTunnel = false
  }

  /** Value for `Connection`. */
  get connection(): 'close' | 'keep-alive' | undefined {
    if (!this.persists) return 'close'
    return this.minor === 0 ? 'keep-alive' : undefined
  }

  // --- the request

  get identity(): ClientIdentity {
    return this.host.identity
  }

  get upgrade(): string | undefined {
    return this.request.upgrade
  }

  get takesTrailers(): boolean {
    return this.request.takesTrailers
  }

  askForBody(): void {
    this.outbox.appendText(CONTINUE)
  }

  inputWanted(): void {
    this.host.inputWanted()
  }

  inputNotWanted(): void {
    this.host.inputNotWanted()
  }

  // --- the response

  get sent(): number {
    return this.outbox.sent
  }

  get waiting(): number {
    return this.outbox.waiting
  }

  get acknowledged(): number {
    return this.outbox.acknowledged
  }

  /** HTTP/1.0 knows no interim responses (RFC 9110 §15.2). */
  interim(response: ResponseHead): void {
    if (this.minor > 0) this.writer.writeInterim(this.outbox, response)
  }

  switching(response: ResponseHead, cookie: string | undefined): void {
    this.isTunnel = true
    this.persists = false
    this.writer.writeSwitching(this.outbox, response, this.request.upgrade!, cookie)
    this.request.becomeTunnel()
  }

  head(response: ResponseHead, requestId: string | number | undefined, edits: FieldEdits | undefined): void {
    const framing = this.framingOf(response, edits)
    if (framing === 'close' || !this.host.mayPersist) this.persists = false
    this.framing = framing
    this.trailers = framing === 'chunked' && this.takesTrailers
    this.requestId = requestId
    this.edits = edits
    this.writer.write(this.outbox, response, this)
    this.edits = undefined
  }

  data(bytes: Buffer, from: number, to: number): void {
    if (this.framing === 'chunked') appendChunk(this.outbox, bytes, from, to)
    else if (this.framing !== 'none' || this.isTunnel) this.outbox.append(bytes, from, to)
  }

  end(trailers: Trailers | undefined): void {
    if (this.framing === 'chunked') this.lastChunk(trailers)
    this.framing = 'none'
    this.isTunnel = false
  }

  answer(
    status: number,
    fields: Readonly<Record<string, string>>,
    body: string | Uint8Array,
    requestId: string,
  ): void {
    if (!this.host.mayPersist) this.persists = false
    const { connection, toHead } = this
    this.framing = 'none'
    writeAnswer(this.outbox, { status, fields, body, requestId, connection, toHead }, this.clock)
  }

  flush(): void {
    this.outbox.flush()
  }

  /** Without a body: HEAD, 204, 304, and 205, whose body, if there is one, does not reach the client (RFC 9110 §15.3.6). */
  private framingOf(response: ResponseHead, edits: FieldEdits | undefined): ClientFraming {
    const { framing } = response.body
    if (framing === 'none' || response.status === 205) return 'none'
    if (framing === 'length' && edits?.changesLength !== true) return 'length'
    return this.minor > 0 ? 'chunked' : 'close'
  }

  private lastChunk(trailers: Trailers | undefined): void {
    if (trailers === undefined || !this.trailers) appendLastChunk(this.outbox)
    else this.writer.writeTrailers(this.outbox, trailers)
  }

  // --- the end

  closeAfter(): void {
    this.persists = false
  }

  /** An orderly end would look like the end of a response that only ends with the connection. */
  abort(): void {
    this.host.abort(this.framing === 'close' || this.outbox.waiting > 0)
  }

  shutdown(): void {
    this.host.shutdown()
  }

  exchangeLasts(): void {
    this.host.exchangeLasts()
  }

  exchangeEnded(): void {
    this.host.exchangeEnded()
  }
}
