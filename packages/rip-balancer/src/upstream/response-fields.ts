import { FIELD_VALUE, TOKEN } from '../http1/byte-class.ts'
import { FIELD, fieldId, type FieldId } from '../http1/field-name.ts'
import { REASONS } from '../http1/reason-phrases.ts'
import type { FieldSink } from '../http2/hpack/field-sink.ts'

const COLON = 0x3a
const STATUS = Buffer.from(':status')
const STATUS_LINE = Buffer.from('HTTP/1.1 ')
const NO_BODY = Buffer.from('content-length: 0\r\n')
const FIRST_BYTES = 4 * 1024

/**
 * Writes the fields of a response as a head of HTTP/1.1, which is then read by the rules for all responses. Whatever could mean
 * something else there than in HTTP/2 makes it malformed (RFC 9113 §8.1.1, §8.2, §8.3.2).
 */
export class ResponseFields implements FieldSink {
  /** The head is `[0, end)`. */
  bytes: Buffer = Buffer.allocUnsafeSlow(FIRST_BYTES)
  end = 0
  private isTrailers = false
  private isMalformed = false
  private hasStatus = false
  private hasLength = false

  /** Prepares for a block. @param isTrailers whether it follows a body, so that there is no status */
  begin(isTrailers: boolean): void {
    this.isTrailers = isTrailers
    this.isMalformed = this.hasStatus = this.hasLength = false
    this.end = 0
  }

  /** Ends the head. @param isEmpty whether no body follows, although one could. @returns whether it is well formed */
  finish(isEmpty: boolean): boolean {
    if (isEmpty && !this.hasLength && !this.isTrailers) this.copy(NO_BODY, 0, NO_BODY.length)
    this.lineEnd()
    return !this.isMalformed && (this.isTrailers || this.hasStatus)
  }

  // --- FieldSink

  field(
    name: Buffer,
    nameFrom: number,
    nameTo: number,
    value: Buffer,
    valueFrom: number,
    valueTo: number,
  ): void {
    this.makeRoom(nameTo - nameFrom + valueTo - valueFrom)
    if (name[nameFrom] === COLON) return this.pseudo(name, nameFrom, nameTo, value, valueFrom, valueTo)
    if (!this.hasStatus && !this.isTrailers) return this.refuse()
    const id = fieldId(name, nameFrom, nameTo)
    if (concernsConnection(id)) return this.refuse()
    if (id === FIELD.contentLength) this.hasLength = true
    this.name(name, nameFrom, nameTo)
    this.bytes[this.end++] = COLON
    this.bytes[this.end++] = 0x20
    this.value(value, valueFrom, valueTo)
    this.lineEnd()
  }

  /** The only one of a response is `:status`, in front of all fields. */
  private pseudo(
    name: Buffer,
    nameFrom: number,
    nameTo: number,
    value: Buffer,
    valueFrom: number,
    valueTo: number,
  ): void {
    const isStatus = name.compare(STATUS, 0, STATUS.length, nameFrom, nameTo) === 0
    if (!isStatus || this.hasStatus || this.isTrailers || valueTo - valueFrom !== 3) return this.refuse()
    this.hasStatus = true
    this.copy(STATUS_LINE, 0, STATUS_LINE.length)
    this.value(value, valueFrom, valueTo)
    this.reason(value.toString('latin1', valueFrom, valueTo))
  }

  /** HTTP/2 has no reason phrases. */
  private reason(status: string): void {
    this.bytes[this.end++] = 0x20
    this.end += this.bytes.write(REASONS[Number(status)] ?? '', this.end, 'latin1')
    this.lineEnd()
  }

  /** Names are tokens without capital letters. */
  private name(name: Buffer, from: number, to: number): void {
    const { bytes } = this
    if (from === to) this.refuse()
    for (let index = from; index < to; index++) {
      const byte = name[index]!
      if (TOKEN[byte] === 0 || (byte >= 0x41 && byte <= 0x5a)) this.refuse()
      bytes[this.end++] = byte
    }
  }

  private value(value: Buffer, from: number, to: number): void {
    const { bytes } = this
    for (let index = from; index < to; index++) {
      const byte = value[index]!
      if (FIELD_VALUE[byte] === 0) this.refuse()
      bytes[this.end++] = byte
    }
  }

  private copy(bytes: Buffer, from: number, to: number): void {
    bytes.copy(this.bytes, this.end, from, to)
    this.end += to - from
  }

  private lineEnd(): void {
    this.bytes[this.end++] = 0x0d
    this.bytes[this.end++] = 0x0a
  }

  private refuse(): void {
    this.isMalformed = true
  }

  private makeRoom(length: number): void {
    const needed = this.end + length + SPARE_BYTES
    if (needed <= this.bytes.length) return
    const larger = Buffer.allocUnsafeSlow(needed * 2)
    this.bytes.copy(larger, 0, 0, this.end)
    this.bytes = larger
  }
}

/** More than is written besides names and values. */
const SPARE_BYTES = 64

/** Fields that HTTP/2 does not have (RFC 9113 §8.2.2). */
function concernsConnection(id: FieldId): boolean {
  return (
    id === FIELD.connection ||
    id === FIELD.keepAlive ||
    id === FIELD.proxyConnection ||
    id === FIELD.transferEncoding ||
    id === FIELD.upgrade
  )
}
