import type { FieldEdits } from '../../forwarding/field-edits.ts'
import { DROP, isProtected, RESPONSE } from '../../forwarding/field-rules.ts'
import { localFields } from '../../forwarding/local-answer.ts'
import { writeRequestIdField } from '../../forwarding/request-id.ts'
import type { Trailers } from '../../forwarding/trailers.ts'
import { decimal } from '../../http1/body-framing.ts'
import { FIELD, type FieldId } from '../../http1/field-name.ts'
import type { ResponseHead } from '../../http1/response-head.ts'
import { maxBlockBytes, type HpackEncoder } from '../../http2/hpack/hpack-encoder.ts'
import type { Clock } from '../../transport/clock.ts'

const LINE_END_BYTES = 2
const REQUEST_ID_BYTES = 256
/** Fields the balancer adds: `date`, the id, `via`, and a length. */
const ADDED_FIELDS = 4
const ADDED_BYTES = 1024
/** A length with zeros in front is not read as a decimal number by every client. */
const ZERO = 0x30
const NO_CONTENT = 204
const RESET_CONTENT = 205

/** What is added to the head of a response, and how it is delivered. */
export interface ResponseContext {
  readonly takesTrailers: boolean
  /** Request id to expose, or the number of one of ours; `undefined` exposes none. */
  readonly requestId: string | number | undefined
  readonly edits: FieldEdits | undefined
}

/** Encodes the heads of responses as header blocks of HTTP/2, by the rules by which they are written in HTTP/1.1. */
export class ResponseEncoder {
  /** The block is `[0, encoder.at)`. */
  out: Buffer = Buffer.alloc(0)
  private readonly via: string | undefined
  private readonly clock: Clock
  private readonly text = Buffer.alloc(REQUEST_ID_BYTES)
  private hasDate = false
  private hasId = false

  /** @param via pseudonym for `Via` */
  constructor(via: string | undefined, clock: Clock) {
    this.via = via
    this.clock = clock
  }

  /** Encodes the head of the final response of a backend. */
  head(encoder: HpackEncoder, response: ResponseHead, context: ResponseContext): void {
    const { edits, requestId } = context
    this.hasDate = this.hasId = false
    this.begin(encoder, response, edits)
    encoder.status(response.status)
    for (let index = 0; index < response.count; index++)
      if (this.passes(response, index, context)) this.copy(encoder, response, index)
    for (const [name, value] of edits?.additions ?? []) this.add(encoder, name, value)
    if (!this.hasDate) this.date(encoder)
    if (requestId !== undefined && !this.hasId) this.id(encoder, requestId)
    if (this.via !== undefined) this.add(encoder, 'via', `1.${response.minor} ${this.via}`)
  }

  /** Encodes an interim response (RFC 9110 §15.2). */
  interim(encoder: HpackEncoder, response: ResponseHead): void {
    this.begin(encoder, response, undefined)
    encoder.status(response.status)
    for (let index = 0; index < response.count; index++)
      if (isRelayed(response, index, response.id(index))) this.copy(encoder, response, index)
  }

  /** Encodes the response that opens a tunnel: what was 101 is 200 (RFC 8441 §5). @param cookie value of a `Set-Cookie` to add */
  switching(encoder: HpackEncoder, response: ResponseHead, cookie: string | undefined): void {
    this.begin(encoder, response, undefined, cookie?.length)
    encoder.status(200)
    for (let index = 0; index < response.count; index++) {
      const id = response.id(index)
      if (id !== FIELD.secWebsocketAccept && isRelayed(response, index, id))
        this.copy(encoder, response, index)
    }
    if (cookie !== undefined) this.add(encoder, 'set-cookie', cookie)
  }

  /** Encodes a head without fields. */
  status(encoder: HpackEncoder, status: number): void {
    this.reserve(0, 0)
    encoder.begin(this.out, 0)
    encoder.status(status)
  }

  /** Encodes the head of an answer of the balancer's own. @param length of its body; `undefined` announces none */
  answer(
    encoder: HpackEncoder,
    status: number,
    fields: Readonly<Record<string, string>>,
    length: number | undefined,
    requestId: string,
  ): void {
    const all = localFields(status, fields, length, requestId)
    this.reserve(
      all.length,
      all.reduce((sum, [name, value]) => sum + name.length + value.length, 0),
    )
    encoder.begin(this.out, 0)
    encoder.status(status)
    this.date(encoder)
    for (const [name, value] of all) this.add(encoder, name, value)
  }

  /** Encodes the trailer fields that may be passed on. @returns whether there is any */
  trailers(encoder: HpackEncoder, trailers: Trailers, usesTable: boolean): boolean {
    const { fields } = trailers
    let isEmpty = true
    this.reserve(fields.count, fields.end - fields.start)
    if (usesTable) encoder.begin(this.out, 0)
    else encoder.beginPlain(this.out, 0)
    for (let index = 0; index < fields.count; index++) {
      if (trailers.drops(index)) continue
      isEmpty = false
      encoder.field(
        fields.bytes,
        fields.nameStart(index),
        fields.nameEnd(index),
        fields.bytes,
        fields.valueStart(index),
        fields.valueEnd(index),
      )
    }
    return !isEmpty
  }

  private begin(
    encoder: HpackEncoder,
    response: ResponseHead,
    edits: FieldEdits | undefined,
    addedBytes = 0,
  ): void {
    const additions = edits?.additions ?? []
    const added = additions.reduce((sum, [name, value]) => sum + name.length + value.length, addedBytes)
    this.reserve(response.count + additions.length, response.end - response.start + added)
    encoder.begin(this.out, 0)
  }

  private passes(response: ResponseHead, index: number, { edits, takesTrailers }: ResponseContext): boolean {
    const id = response.id(index)
    if (edits?.removes(index) === true || !isRelayed(response, index, id)) return false
    if (id === FIELD.date) this.hasDate = true
    if (id === FIELD.xRequestId) this.hasId = true
    if (id === FIELD.contentLength) return edits?.changesLength !== true && hasLength(response)
    return id !== FIELD.trailer || takesTrailers
  }

  private copy(encoder: HpackEncoder, response: ResponseHead, index: number): void {
    const { bytes } = response
    const from = response.valueStart(index)
    const to = response.valueEnd(index)
    if (bytes[from] === ZERO && to > from + 1 && response.id(index) === FIELD.contentLength)
      return this.add(encoder, 'content-length', String(decimal(bytes, from, to)))
    encoder.field(bytes, response.nameStart(index), response.nameEnd(index), bytes, from, to)
  }

  private add(encoder: HpackEncoder, name: string, value: string): void {
    const bytes = Buffer.from(`${name}${value}`, 'latin1')
    encoder.field(bytes, 0, name.length, bytes, name.length, bytes.length)
  }

  private date(encoder: HpackEncoder): void {
    this.line(encoder, this.clock.dateLine(), 'Date'.length)
  }

  private id(encoder: HpackEncoder, id: string | number): void {
    const end = writeRequestIdField(id, this.text, 0)
    this.line(encoder, this.text, 'X-Request-Id'.length, end)
  }

  /** Encodes a line of HTTP/1.1. */
  private line(encoder: HpackEncoder, line: Buffer, nameLength: number, end: number = line.length): void {
    encoder.field(line, 0, nameLength, line, nameLength + 2, end - LINE_END_BYTES)
  }

  private reserve(fields: number, bytes: number): void {
    const length = maxBlockBytes(fields + ADDED_FIELDS, bytes + ADDED_BYTES)
    if (length > this.out.length) this.out = Buffer.allocUnsafeSlow(length * 2)
  }
}

/** Whether a field goes beyond this connection; HTTP/2 has no `upgrade` (RFC 9113 §8.2.2). */
function isRelayed(response: ResponseHead, index: number, id: FieldId): boolean {
  if (RESPONSE[id] === DROP || id === FIELD.upgrade) return false
  const { connection } = response
  return !connection.nominates || isProtected(id) || !connection.names(response, index)
}

/** A length stays where it describes the body, or the body there would have been (HEAD, 304). */
function hasLength({ status, tellsLength, body: { framing } }: ResponseHead): boolean {
  if (status === NO_CONTENT || status === RESET_CONTENT || !tellsLength) return false
  return framing === 'length' || framing === 'none'
}
