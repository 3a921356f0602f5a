import { writeAnswer } from '../forwarding/local-answer.ts'
import type { FieldEdits } from '../forwarding/field-edits.ts'
import type { ClientFraming, ResponseContext, ResponseWriter } from '../forwarding/response-writer.ts'
import type { Trailers } from '../forwarding/trailers.ts'
import type { RequestHead } from '../http1/request-head.ts'
import type { ResponseHead } from '../http1/response-head.ts'
import { appendChunk, appendLastChunk } from '../transport/chunk-writer.ts'
import type { Clock } from '../transport/clock.ts'
import type { Outbox } from '../transport/outbox.ts'

const CONTINUE = 'HTTP/1.1 100 Continue\r\n\r\n'

/** Writes the responses of one client connection as HTTP/1.1, one after the other, and knows how each of them ends. */
export class Http1Response implements ResponseContext {
  /** Whether the connection goes on after this response, as far as is known. */
  persists = false
  private readonly outbox: Outbox
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

  constructor(outbox: Outbox, writer: ResponseWriter, clock: Clock) {
    this.outbox = outbox
    this.writer = writer
    this.clock = clock
  }

  /** Whether a response is under way that only ends with the connection. */
  get endsByClosing(): boolean {
    return this.framing === 'close'
  }

  /** Prepares for the response to a request. @param head as far as it was read; `persists` what it says of the connection */
  begin(head: RequestHead | undefined, persists: boolean): void {
    const isReadable = head?.hasRequestLine === true
    this.minor = head?.minor === 0 ? 0 : 1
    this.toHead = isReadable && head.isHead
    this.persists = persists
    this.framing = 'none'
    this.isTunnel = false
  }

  askForBody(): void {
    this.outbox.appendText(CONTINUE)
  }

  /** HTTP/1.0 knows no interim responses (RFC 9110 §15.2). */
  interim(response: ResponseHead): void {
    if (this.minor > 0) this.writer.writeInterim(this.outbox, response)
  }

  switching(response: ResponseHead, protocol: string, cookie: string | undefined): void {
    this.isTunnel = true
    this.persists = false
    this.writer.writeSwitching(this.outbox, response, protocol, cookie)
  }

  head(
    response: ResponseHead,
    takesTrailers: boolean,
    requestId: string | number | undefined,
    edits: FieldEdits | undefined,
  ): void {
    const framing = this.framingOf(response)
    if (framing === 'close') this.persists = false
    this.framing = framing
    this.trailers = takesTrailers && framing === 'chunked'
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
    const { connection, toHead } = this
    this.framing = 'none'
    writeAnswer(this.outbox, { status, fields, body, requestId, connection, toHead }, this.clock)
  }

  /** Without a body: HEAD, 204, 304, and 205, whose body, if there is one, does not reach the client (RFC 9110 §15.3.6). */
  private framingOf(response: ResponseHead): ClientFraming {
    const { framing } = response.body
    if (framing === 'none' || response.status === 205) return 'none'
    if (framing === 'length') return 'length'
    return this.minor > 0 ? 'chunked' : 'close'
  }

  /** Value for `Connection`. */
  get connection(): 'close' | 'keep-alive' | undefined {
    if (!this.persists) return 'close'
    return this.minor === 0 ? 'keep-alive' : undefined
  }

  private lastChunk(trailers: Trailers | undefined): void {
    if (trailers === undefined || !this.trailers) appendLastChunk(this.outbox)
    else this.writer.writeTrailers(this.outbox, trailers)
  }
}
