import type { HeadTarget } from '../forwarding/head-writer.ts'
import type { OutgoingRequest, OwnRequest } from '../forwarding/outgoing-request.ts'
import type { RequestWriter } from '../forwarding/request-writer.ts'
import type { Trailers } from '../forwarding/trailers.ts'
import { authorityOf } from '../address/backend-address.ts'
import { COLON, CR, LF, SP } from '../http1/byte-class.ts'
import { FIELD, fieldId, type FieldId } from '../http1/field-name.ts'
import type { RequestHead } from '../http1/request-head.ts'
import { maxBlockBytes, type HpackEncoder } from '../http2/hpack/hpack-encoder.ts'
import { STATIC } from '../http2/hpack/static-table.ts'

const FIRST_BYTES = 8 * 1024
/** A line has a name of one letter, a colon, a space, and its end. */
const LEAST_LINE_BYTES = 5

/**
 * Writes the head of a request as a header block (RFC 9113 §8.3.1). It is written as HTTP/1.1 first, so that a backend is told
 * the same in either protocol, and by the same rules; then line by line, without the fields that HTTP/2 does not have (§8.2.2).
 */
export class RequestBlock implements HeadTarget {
  /** The head in HTTP/1.1. */
  scratch: Buffer = Buffer.alloc(0)
  /** The block is `[0, end)`. */
  bytes: Buffer = Buffer.alloc(0)
  end = 0
  private textEnd = 0
  private readonly writer: RequestWriter

  constructor(writer: RequestWriter) {
    this.writer = writer
  }

  /** Encodes the head; the block has to be sent next on the connection of the encoder. */
  write(request: OutgoingRequest | OwnRequest, encoder: HpackEncoder): void {
    if (request.identity === undefined) this.copy(request.head)
    else this.writer.write(this, request)
    this.begin(encoder)
    const fieldsAt = this.requestLine(encoder, request.head)
    this.authority(encoder, request)
    this.fields(encoder, fieldsAt)
    this.end = encoder.at
  }

  /** Encodes fields that follow the body. */
  writeTrailers(trailers: Trailers, encoder: HpackEncoder): void {
    this.writer.writeTrailers(this, trailers)
    this.begin(encoder)
    // The text begins with the last chunk.
    this.fields(encoder, LAST_CHUNK_BYTES)
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

  // --- parts of the head

  private copy({ bytes, start, end }: RequestHead): void {
    const at = this.reserve(end - start)
    bytes.copy(this.scratch, at, start, end)
    this.commit(at + end - start)
  }

  private begin(encoder: HpackEncoder): void {
    const most = maxBlockBytes(this.textEnd / LEAST_LINE_BYTES, this.textEnd)
    if (this.bytes.length < most) this.bytes = Buffer.allocUnsafeSlow(Math.max(FIRST_BYTES, most))
    encoder.begin(this.bytes, 0)
  }

  /** `METHOD TARGET HTTP/1.1`. @returns where the fields begin */
  private requestLine(encoder: HpackEncoder, head: RequestHead): number {
    const { scratch } = this
    const targetAt = head.methodEnd - head.start + 1
    let end = targetAt
    while (scratch[end] !== SP) end++
    this.method(encoder, head, targetAt - 1)
    encoder.indexed(STATIC.http)
    encoder.named(STATIC.root, scratch, targetAt, end)
    return end + VERSION_BYTES
  }

  private method(encoder: HpackEncoder, head: RequestHead, end: number): void {
    if (head.isMethod('GET')) encoder.indexed(STATIC.get)
    else if (head.isMethod('POST')) encoder.indexed(STATIC.post)
    else encoder.named(STATIC.get, this.scratch, 0, end)
  }

  /** Where HTTP/1.1 says `Host`. */
  private authority(encoder: HpackEncoder, { head, address }: OutgoingRequest | OwnRequest): void {
    if (head.hostEnd > head.hostStart)
      return encoder.named(STATIC.authority, head.bytes, head.hostStart, head.hostEnd)
    const text = Buffer.from(authorityOf(address), 'latin1')
    encoder.named(STATIC.authority, text, 0, text.length)
  }

  private fields(encoder: HpackEncoder, from: number): void {
    const { scratch, textEnd } = this
    let at = from
    while (at < textEnd && scratch[at] !== CR) {
      let colon = at + 1
      while (scratch[colon] !== COLON) colon++
      let end = colon + 2
      while (scratch[end] !== LF) end++
      if (!isLeftOut(fieldId(scratch, at, colon)))
        encoder.field(scratch, at, colon, scratch, colon + 2, end - 1)
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
