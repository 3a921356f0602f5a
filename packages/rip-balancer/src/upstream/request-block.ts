import { KEEP, UNTRUSTED_REQUEST } from '../forwarding/field-rules.ts'
import type { ClientIdentity } from '../forwarding/client-identity.ts'
import type { HeadTarget } from '../forwarding/head-writer.ts'
import type { OutgoingRequest, OwnRequest } from '../forwarding/outgoing-request.ts'
import { OWN_ID_BYTES, writeOwnId } from '../forwarding/request-id.ts'
import type { RequestWriter } from '../forwarding/request-writer.ts'
import type { Trailers } from '../forwarding/trailers.ts'
import { authorityOf } from '../address/backend-address.ts'
import { COLON, CR, LF, SP } from '../http1/byte-class.ts'
import { FIELD, fieldId, type FieldId } from '../http1/field-name.ts'
import type { RequestHead } from '../http1/request-head.ts'
import { HpackEncoder, maxBlockBytes } from '../http2/hpack/hpack-encoder.ts'
import { STATIC } from '../http2/hpack/static-table.ts'
import { isUsual } from './usual-request.ts'

const FIRST_BYTES = 8 * 1024
/** A line has a name of one letter, a colon, a space, and its end. */
const LEAST_LINE_BYTES = 5
const HOST_NAME = Buffer.from('x-forwarded-host')
const ID_NAME = Buffer.from('x-request-id')
/** Pseudo fields, and those the balancer adds. */
const ADDED_FIELDS = 16
const ADDED_BYTES = 1024

/**
 * Writes the head of a request as a header block (RFC 9113 §8.3.1). It is written as HTTP/1.1 first, so that a backend is told
 * the same in either protocol, and by the same rules; then line by line, without the fields that HTTP/2 does not have (§8.2.2).
 * Most requests need no rules: their fields are encoded from where they were read, which makes a tenth of what a request
 * costs (`bench/data-plane`, lanes-small).
 */
export class RequestBlock implements HeadTarget {
  /** The head in HTTP/1.1. */
  scratch: Buffer = Buffer.alloc(0)
  /** The block is `[0, end)`. */
  bytes: Buffer = Buffer.alloc(0)
  end = 0
  private textEnd = 0
  private readonly writer: RequestWriter
  /** Encodes without a table, for blocks that are kept. */
  private readonly plain = new HpackEncoder(0)
  private readonly id = Buffer.alloc(OWN_ID_BYTES)

  constructor(writer: RequestWriter) {
    this.writer = writer
  }

  /** Encodes the head; the block has to be sent next on the connection of the encoder. */
  write(request: OutgoingRequest | OwnRequest, encoder: HpackEncoder): void {
    if (isUsual(request)) return this.writeUsual(request, encoder)
    if (request.identity === undefined) this.copy(request.head)
    else this.writer.write(this, request)
    this.beginText(encoder)
    const fieldsAt = this.requestLine(encoder, request.head)
    this.authority(encoder, request)
    this.lines(encoder, this.scratch, fieldsAt, this.textEnd)
    this.end = encoder.at
  }

  /** Encodes fields that follow the body. */
  writeTrailers(trailers: Trailers, encoder: HpackEncoder): void {
    this.writer.writeTrailers(this, trailers)
    this.beginText(encoder)
    // The text begins with the last chunk.
    this.lines(encoder, this.scratch, LAST_CHUNK_BYTES, this.textEnd)
    this.end = encoder.at
  }

  // --- HeadTarget

  reserve(length: number): number {
    if (this.scratch.length < length) this.scratch = Buffer.allocUnsafeSlow(Math.max(FIRST_BYTES, length * 2))
    return 0
  }

  commit(at: number): void {
    this.textEnd = at
  }

  // --- a usual head

  private writeUsual(request: OutgoingRequest, encoder: HpackEncoder): void {
    const { head, identity, requestId } = request
    const { bytes } = head
    const forwarded = (identity.forwardedBlock ??= this.forwardedBlock(identity))
    const length = head.end - head.start + forwarded.length + head.hostEnd - head.hostStart
    this.begin(encoder, head.count + ADDED_FIELDS, length + ADDED_BYTES)
    this.method(encoder, head, bytes, head.start)
    encoder.indexed(STATIC.http)
    encoder.named(STATIC.root, bytes, head.targetStart, head.targetEnd)
    encoder.named(STATIC.authority, bytes, head.hostStart, head.hostEnd)
    this.keptFields(encoder, head)
    encoder.encoded(forwarded)
    encoder.field(HOST_NAME, 0, HOST_NAME.length, bytes, head.hostStart, head.hostEnd)
    this.requestId(encoder, requestId)
    this.end = encoder.at
  }

  private keptFields(encoder: HpackEncoder, head: RequestHead): void {
    const { bytes } = head
    for (let index = 0; index < head.count; index++)
      if (UNTRUSTED_REQUEST[head.id(index)] === KEEP || head.id(index) === FIELD.contentLength)
        encoder.field(
          bytes,
          head.nameStart(index),
          head.nameEnd(index),
          bytes,
          head.valueStart(index),
          head.valueEnd(index),
        )
  }

  private requestId(encoder: HpackEncoder, id: string | number): void {
    const bytes = typeof id === 'string' ? Buffer.from(id, 'latin1') : this.id
    if (typeof id === 'number') writeOwnId(id, bytes, 0)
    encoder.field(ID_NAME, 0, ID_NAME.length, bytes, 0, bytes.length)
  }

  private forwardedBlock({ forwardedBytes }: ClientIdentity): Buffer {
    const { plain } = this
    const lines = forwardedBytes.length
    plain.beginPlain(Buffer.allocUnsafeSlow(maxBlockBytes(lines / LEAST_LINE_BYTES, lines)), 0)
    this.lines(plain, forwardedBytes, 0, lines)
    return Buffer.from(plain.out.subarray(0, plain.at))
  }

  // --- parts of any other head

  private copy({ bytes, start, end }: RequestHead): void {
    const at = this.reserve(end - start)
    bytes.copy(this.scratch, at, start, end)
    this.commit(at + end - start)
  }

  private beginText(encoder: HpackEncoder): void {
    this.begin(encoder, this.textEnd / LEAST_LINE_BYTES, this.textEnd)
  }

  private begin(encoder: HpackEncoder, fields: number, bytes: number): void {
    const most = maxBlockBytes(fields, bytes)
    if (this.bytes.length < most) this.bytes = Buffer.allocUnsafeSlow(Math.max(FIRST_BYTES, most))
    encoder.begin(this.bytes, 0)
  }

  /** `METHOD TARGET HTTP/1.1`. @returns where the fields begin */
  private requestLine(encoder: HpackEncoder, head: RequestHead): number {
    const { scratch } = this
    const targetAt = head.methodEnd - head.start + 1
    let end = targetAt
    while (scratch[end] !== SP) end++
    this.method(encoder, head, scratch, 0)
    encoder.indexed(STATIC.http)
    encoder.named(STATIC.root, scratch, targetAt, end)
    return end + VERSION_BYTES
  }

  /** @param bytes where the request line begins at `from` */
  private method(encoder: HpackEncoder, head: RequestHead, bytes: Buffer, from: number): void {
    if (head.isMethod('GET')) encoder.indexed(STATIC.get)
    else if (head.isMethod('POST')) encoder.indexed(STATIC.post)
    else encoder.named(STATIC.get, bytes, from, from + head.methodEnd - head.start)
  }

  /** Where HTTP/1.1 says `Host`. */
  private authority(encoder: HpackEncoder, { head, address }: OutgoingRequest | OwnRequest): void {
    if (head.hostEnd > head.hostStart)
      return encoder.named(STATIC.authority, head.bytes, head.hostStart, head.hostEnd)
    const text = Buffer.from(authorityOf(address), 'latin1')
    encoder.named(STATIC.authority, text, 0, text.length)
  }

  private lines(encoder: HpackEncoder, bytes: Buffer, from: number, to: number): void {
    let at = from
    while (at < to && bytes[at] !== CR) {
      let colon = at + 1
      while (bytes[colon] !== COLON) colon++
      let end = colon + 2
      while (bytes[end] !== LF) end++
      if (!isLeftOut(fieldId(bytes, at, colon))) encoder.field(bytes, at, colon, bytes, colon + 2, end - 1)
      at = end + 1
    }
  }
}

/** ` HTTP/1.1` and the end of the line. */
const VERSION_BYTES = 11
const LAST_CHUNK_BYTES = 3

function isLeftOut(id: FieldId): boolean {
  return id === FIELD.host || id === FIELD.connection || id === FIELD.transferEncoding || id === FIELD.upgrade
}
