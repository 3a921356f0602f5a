import { FIELD_VALUE, SP, TAB, TOKEN } from '../../http1/byte-class.ts'

const COLON = 0x3a
const CR = 0x0d
const LF = 0x0a
const FIRST_BYTES = 4096

/** Octets of a field name (RFC 9113 §8.2.1): those of a token without capital letters. */
const NAME: Uint8Array = TOKEN.map((kind, byte) => (kind !== 0 && (byte < 0x41 || byte > 0x5a) ? 1 : 0))

/**
 * Fields of HTTP/2 written as lines of HTTP/1.1, so that both are read by the same rules. What would mean something else
 * in such a line makes the message malformed (RFC 9113 §8.2.1, §10.3).
 */
export class FieldLines {
  bytes: Buffer = Buffer.allocUnsafeSlow(FIRST_BYTES)
  /** Where the lines end. */
  at = 0
  /** Something was in a field that cannot be there. */
  isMalformed = false

  reset(): void {
    this.at = 0
    this.isMalformed = false
  }

  /** Writes a field. */
  add(
    name: Buffer,
    nameFrom: number,
    nameTo: number,
    value: Buffer,
    valueFrom: number,
    valueTo: number,
  ): void {
    this.reserve(nameTo - nameFrom + valueTo - valueFrom + 4)
    this.name(name, nameFrom, nameTo)
    this.value(value, valueFrom, valueTo)
    this.lineEnd()
  }

  /** Writes the value of a field: visible characters, with space only between them. */
  value(value: Buffer, from: number, to: number): void {
    this.reserve(to - from)
    if (to > from && (isSpace(value[from]!) || isSpace(value[to - 1]!))) this.isMalformed = true
    this.checked(value, from, to, FIELD_VALUE)
  }

  /** Writes octets that all belong to a class, which is a table of 256; 0 does not. */
  checked(bytes: Buffer, from: number, to: number, kinds: Uint8Array): void {
    this.reserve(to - from)
    const { bytes: out } = this
    let { at } = this
    let areAll = true
    for (let index = from; index < to; index++) {
      const byte = bytes[index]!
      if (kinds[byte] === 0) areAll = false
      out[at++] = byte
    }
    this.at = at
    if (!areAll) this.isMalformed = true
  }

  /** Writes octets that were checked. */
  copy(bytes: Buffer, from: number, to: number): void {
    this.reserve(to - from)
    bytes.copy(this.bytes, this.at, from, to)
    this.at += to - from
  }

  /** Writes text that is well formed. */
  text(text: string): void {
    this.reserve(text.length)
    this.at += this.bytes.write(text, this.at, 'latin1')
  }

  lineEnd(): void {
    this.reserve(2)
    this.bytes[this.at++] = CR
    this.bytes[this.at++] = LF
  }

  private name(name: Buffer, from: number, to: number): void {
    if (from === to) this.isMalformed = true
    this.checked(name, from, to, NAME)
    this.bytes[this.at++] = COLON
    this.bytes[this.at++] = SP
  }

  private reserve(length: number): void {
    if (this.at + length <= this.bytes.length) return
    const larger = Buffer.allocUnsafeSlow((this.at + length) * 2)
    this.bytes.copy(larger, 0, 0, this.at)
    this.bytes = larger
  }
}

function isSpace(byte: number): boolean {
  return byte === SP || byte === TAB
}
