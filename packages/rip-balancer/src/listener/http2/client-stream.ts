import type { ClientSide } from '../../exchange/client-side.ts'
import { Exchange } from '../../exchange/exchange.ts'
import type { ClientIdentity } from '../../forwarding/client-identity.ts'
import type { FieldEdits } from '../../forwarding/field-edits.ts'
import { mayHaveBody } from '../../forwarding/local-answer.ts'
import type { Trailers } from '../../forwarding/trailers.ts'
import type { ResponseHead } from '../../http1/response-head.ts'
import { ERROR } from '../../http2/error-code.ts'
import type { DecodeResult } from '../../http2/hpack/hpack-decoder.ts'
import type { HpackEncoder } from '../../http2/hpack/hpack-encoder.ts'
import type { Http2Stream } from '../../http2/stream.ts'
import type { Http2Plane } from './http2-plane.ts'
import { StreamRequest, type StreamEnds } from './stream-request.ts'

const CONTINUE = 100
const RESET_CONTENT = 205
const BAD_GATEWAY = 502

/** What a stream needs of its connection. */
export interface StreamConnection {
  readonly identity: ClientIdentity
  readonly encoder: HpackEncoder
  /** An exchange has become a tunnel or an event stream. */
  streamLasts(stream: ClientStream): void
  /** The stream is over. */
  streamEnded(stream: ClientStream): void
}

/**
 * One request of a client over HTTP/2 and its response: what a connection of HTTP/1.1 is to its exchange, a stream is to
 * its own (RFC 9113 §8.1). An object is used for one stream after the other, of any connection.
 */
export class ClientStream implements ClientSide, StreamEnds {
  readonly exchange: Exchange
  readonly request: StreamRequest
  /** Place in the list of its connection. */
  place = -1
  /** The exchange is a tunnel or an event stream. */
  isLasting = false
  private readonly plane: Http2Plane
  private connection: StreamConnection | undefined
  private stream: Http2Stream | undefined
  /** Bytes of header blocks that were sent. */
  private blockBytes = 0
  private isTunnel = false
  /** The response has no body, whatever the backend sends. */
  private isBodyless = false

  constructor(plane: Http2Plane) {
    this.plane = plane
    this.exchange = new Exchange(plane.data, this)
    this.request = new StreamRequest(plane, this.exchange, this)
  }

  /** Begins with the fields that were decoded to `plane.requestFields`. @param endsStream whether nothing follows them */
  begin(connection: StreamConnection, stream: Http2Stream, result: DecodeResult, endsStream: boolean): void {
    this.connection = connection
    this.stream = stream
    stream.owner = this.request
    this.blockBytes = 0
    this.isTunnel = this.isBodyless = this.isLasting = false
    this.request.begin(stream, result, endsStream)
  }

  // --- StreamEnds

  lost(): void {
    const { stream } = this
    this.exchange.clientGone()
    stream?.release()
    this.letGo()
  }

  leftTunnel(): void {
    this.exchange.clientGone()
    this.stream?.reset(ERROR.cancel)
    this.letGo()
  }

  // --- ClientSide: the request

  get identity(): ClientIdentity {
    return this.connection!.identity
  }

  get upgrade(): string | undefined {
    return this.request.upgrade
  }

  get takesTrailers(): boolean {
    return this.request.takesTrailers
  }

  askForBody(): void {
    this.plane.responses.status(this.encoder, CONTINUE)
    this.sendBlock()
  }

  inputWanted(): void {
    this.request.pump()
  }

  inputNotWanted(): void {
    this.stream?.pause()
  }

  closeAfter(): void {
    this.request.dropInput()
  }

  // --- ClientSide: the response

  get sent(): number {
    return this.blockBytes + (this.stream?.sent ?? 0)
  }

  get waiting(): number {
    return this.stream?.waiting ?? 0
  }

  /** The client has made room for what was sent, by its windows; more is not known of a stream. */
  get acknowledged(): number {
    return this.sent
  }

  interim(response: ResponseHead): void {
    this.plane.responses.interim(this.encoder, response)
    this.sendBlock()
  }

  switching(response: ResponseHead, cookie: string | undefined): void {
    this.isTunnel = true
    this.plane.responses.switching(this.encoder, response, cookie)
    this.sendBlock()
  }

  head(response: ResponseHead, requestId: string | number | undefined, edits: FieldEdits | undefined): void {
    const { takesTrailers, upgrade } = this
    if (upgrade !== undefined && response.status < 300) return this.refuseTunnel()
    this.isBodyless = response.body.framing === 'none' || response.status === RESET_CONTENT
    this.plane.responses.head(this.encoder, response, { takesTrailers, requestId, edits })
    this.sendBlock()
  }

  data(bytes: Buffer, from: number, to: number): void {
    if (!this.isBodyless || this.isTunnel) this.stream?.data(bytes, from, to)
  }

  end(trailers: Trailers | undefined): void {
    const { stream } = this
    if (trailers === undefined || !this.takesTrailers || this.isBodyless) return stream?.end()
    const { responses } = this.plane
    if (!responses.trailers(this.encoder, trailers, this.waiting === 0)) return stream?.end()
    const block = Buffer.from(responses.out.subarray(0, this.encoder.at))
    this.blockBytes += block.length
    stream?.end(block)
  }

  answer(
    status: number,
    fields: Readonly<Record<string, string>>,
    body: string | Uint8Array,
    requestId: string,
  ): void {
    const { request, stream } = this
    if (request.isMalformed) return stream?.reset(ERROR.protocol)
    const bytes = typeof body === 'string' ? Buffer.from(body) : Buffer.from(body)
    const hasBody = mayHaveBody(status)
    this.plane.responses.answer(this.encoder, status, fields, hasBody ? bytes.length : undefined, requestId)
    this.sendBlock()
    if (hasBody && !request.isHead && bytes.length > 0) stream?.data(bytes, 0, bytes.length)
    stream?.end()
  }

  /** The frames of all streams leave together, at the end of the turn. */
  flush(): void {}

  shutdown(): void {
    this.stream?.end()
  }

  abort(): void {
    this.stream?.reset(this.request.isMalformed ? ERROR.protocol : ERROR.internal)
    this.letGo()
  }

  exchangeLasts(): void {
    this.connection?.streamLasts(this)
  }

  /** The backend may have closed a tunnel without ending its side first. */
  exchangeEnded(): void {
    if (this.isTunnel) this.stream?.end()
    if (!this.request.hasEnded) this.stream?.endEarly()
    this.letGo()
  }

  // --- the parts

  private get encoder(): HpackEncoder {
    return this.connection!.encoder
  }

  /** To the client a 2xx means that the tunnel is open (RFC 8441 §5), but the backend has not opened one. */
  private refuseTunnel(): void {
    this.isBodyless = true
    this.plane.responses.status(this.encoder, BAD_GATEWAY)
    this.sendBlock()
  }

  private sendBlock(): void {
    const { at } = this.encoder
    this.blockBytes += at
    this.stream?.headers(this.plane.responses.out, 0, at)
  }

  /** The exchange is over: another stream may use this object. */
  private letGo(): void {
    const { connection, stream } = this
    if (connection === undefined) return
    if (stream?.owner === this.request) stream.owner = undefined
    this.connection = this.stream = undefined
    this.request.letGo()
    connection.streamEnded(this)
  }
}
