import { equalsText, isDigit } from './byte-class.ts'
import type { Fault } from './fault.ts'
import { FIELD } from './field-name.ts'
import type { FieldSection } from './field-section.ts'

/** How the end of a body is found. `eof` exists in responses only. */
export type Framing = 'none' | 'length' | 'chunked' | 'eof'

/** What the framing fields of a message say, before the rules of requests and responses are applied. */
export class BodyFraming {
  framing: Framing = 'none'
  /** Declared length; 0 unless `framing` is `length`. */
  length = 0

  /** Whether there is a body, the length of which only its end tells. */
  get isOpenEnded(): boolean {
    return this.framing === 'chunked' || this.framing === 'eof'
  }

  /**
   * Reads `Content-Length` and `Transfer-Encoding` as RFC 9112 §6.3 demands of a recipient that takes no risk:
   * one of them, once, with exactly one meaning.
   *
   * @param minor minor version of the message: HTTP/1.0 knows no transfer coding
   */
  read(section: FieldSection, minor: number): Fault | undefined {
    this.framing = 'none'
    this.length = 0
    if (!section.has(FIELD.contentLength) && !section.has(FIELD.transferEncoding)) return undefined
    let lengthAt = -1
    let codingAt = -1
    for (let index = 0; index < section.count; index++) {
      const id = section.id(index)
      if (id === FIELD.contentLength) {
        if (lengthAt >= 0) return 'several-content-lengths'
        lengthAt = index
      } else if (id === FIELD.transferEncoding) {
        if (codingAt >= 0) return 'bad-transfer-encoding'
        codingAt = index
      }
    }
    if (codingAt >= 0) return this.chunked(section, codingAt, lengthAt, minor)
    return lengthAt < 0 ? undefined : this.sized(section, lengthAt)
  }

  private sized(section: FieldSection, index: number): Fault | undefined {
    const length = decimal(section.bytes, section.valueStart(index), section.valueEnd(index))
    if (length < 0) return 'bad-content-length'
    this.framing = 'length'
    this.length = length
    return undefined
  }

  private chunked(section: FieldSection, index: number, lengthAt: number, minor: number): Fault | undefined {
    if (lengthAt >= 0) return 'length-and-transfer-encoding'
    if (minor === 0) return 'transfer-encoding-in-http-1-0'
    const { bytes } = section
    if (!equalsText(bytes, section.valueStart(index), section.valueEnd(index), 'chunked'))
      return codingFault(section.value(index))
    this.framing = 'chunked'
    return undefined
  }
}

/**
 * `gzip, chunked` is well formed and not implemented. A body whose last coding is not chunked has no end, and one
 * that is chunked twice is malformed (RFC 9112 §6.1, §6.3).
 */
function codingFault(value: string): Fault {
  return /^(?!chunked *,)[\w!#$%&'*+.^`|~-]+ *, *chunked$/i.test(value)
    ? 'unknown-transfer-coding'
    : 'bad-transfer-encoding'
}

/** The non-negative number in `bytes[from, to)`, or -1 unless it consists of digits and is exact as a double. */
export function decimal(bytes: Uint8Array, from: number, to: number): number {
  if (from === to) return -1
  let value = 0
  for (let at = from; at < to; at++) {
    if (!isDigit(bytes[at]!)) return -1
    value = value * 10 + bytes[at]! - 0x30
    if (value > Number.MAX_SAFE_INTEGER) return -1
  }
  return value
}
