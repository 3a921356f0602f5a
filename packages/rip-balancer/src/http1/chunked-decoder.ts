import { CR, FIELD_VALUE, HEX, LF, SP, TAB, TOKEN } from './byte-class.ts'
import type { Fault } from './fault.ts'
import { FieldSection, INCOMPLETE, REFUSED, type HeadLimits } from './field-section.ts'

const SIZE = 0
const AFTER_SIZE = 1
const EXTENSION_START = 2
const EXTENSION = 3
const SIZE_LF = 4
const DATA = 5
const DATA_CR = 6
const DATA_LF = 7
const TRAILERS = 8

const SEMICOLON = 0x3b
const MAX_SIZE_DIGITS = 16
const FREE_EXTENSION_BYTES = 4096
/** Beyond that, one byte of extensions is paid by this many bytes of data: signed uploads stay below. */
const DATA_PER_EXTENSION_BYTE = 16

/** What `next` found. */
export type ChunkEvent = 'data' | 'more' | 'end' | 'refused'

/**
 * Incremental, strict decoder of the chunked coding (RFC 9112 §7.1). Extensions are skipped and bounded. Call
 * `next` until it answers `more`:
 *
 * - `data`: the bytes `[dataStart, dataEnd)` of the input belong to the body; go on at `at`;
 * - `end`: the message is complete in front of `at`, `trailers` holds its trailer fields.
 */
export class ChunkedDecoder {
  /** Where to go on in the input. */
  at = 0
  dataStart = 0
  dataEnd = 0
  fault: Fault | undefined = undefined
  /** The trailer section; empty when there was none. */
  trailers: FieldSection
  private state: number = SIZE
  private remaining = 0
  private digits = 0
  private dataBytes = 0
  private extensionBytes = 0

  constructor(limits: HeadLimits) {
    this.trailers = new FieldSection(limits)
  }

  reset(): void {
    this.state = SIZE
    this.remaining = this.digits = this.dataBytes = this.extensionBytes = 0
    this.fault = undefined
    this.trailers.reset()
  }

  next(bytes: Buffer, from: number, to: number): ChunkEvent {
    let at = from
    while (at < to) {
      if (this.state === DATA) return this.data(at, to)
      if (this.state === TRAILERS) return this.trailer(bytes, at, to)
      const fault = this.step(bytes[at]!)
      if (fault !== undefined) return this.refuse(fault)
      at++
    }
    this.at = at
    return 'more'
  }

  private data(at: number, to: number): ChunkEvent {
    const length = Math.min(this.remaining, to - at)
    this.dataStart = at
    this.dataEnd = this.at = at + length
    this.remaining -= length
    this.dataBytes += length
    if (this.remaining === 0) this.state = DATA_CR
    return 'data'
  }

  private trailer(bytes: Buffer, at: number, to: number): ChunkEvent {
    const done = this.trailers.feed(bytes, at, to)
    if (done === REFUSED) return this.refuse(this.trailers.fault!)
    if (done === INCOMPLETE) {
      this.at = to
      return 'more'
    }
    this.at = done
    return 'end'
  }

  private refuse(fault: Fault): ChunkEvent {
    this.fault = fault
    return 'refused'
  }

  private step(byte: number): Fault | undefined {
    switch (this.state) {
      case SIZE:
        return this.size(byte)
      case AFTER_SIZE:
        return this.afterSize(byte)
      case EXTENSION_START:
      case EXTENSION:
        return this.extension(byte)
      case SIZE_LF:
        return this.sizeEnds(byte)
      case DATA_CR:
        this.state = DATA_LF
        return byte === CR ? undefined : 'bad-chunk-end'
      default:
        this.state = SIZE
        return byte === LF ? undefined : 'bad-chunk-end'
    }
  }

  private size(byte: number): Fault | undefined {
    const digit = HEX[byte]!
    if (digit === 255) return this.digits === 0 ? 'bad-chunk-size' : this.afterSize(byte)
    if (++this.digits > MAX_SIZE_DIGITS) return 'bad-chunk-size'
    this.remaining = this.remaining * 16 + digit
    return this.remaining > Number.MAX_SAFE_INTEGER ? 'bad-chunk-size' : undefined
  }

  /** White space may stand before a semicolon and nowhere else (RFC 9112 §7.1.1). */
  private afterSize(byte: number): Fault | undefined {
    if (byte === SEMICOLON) this.state = EXTENSION_START
    else if (byte === SP || byte === TAB) this.state = AFTER_SIZE
    else return this.sizeLineEnds(byte)
    return this.countExtension()
  }

  private sizeLineEnds(byte: number): Fault | undefined {
    if (byte !== CR || this.state !== SIZE) return 'bad-chunk-size'
    this.state = SIZE_LF
    return undefined
  }

  private extension(byte: number): Fault | undefined {
    if (byte === CR && this.state === EXTENSION) {
      this.state = SIZE_LF
      return undefined
    }
    if (FIELD_VALUE[byte] !== 1) return 'bad-chunk-extension'
    if (this.state === EXTENSION_START && byte !== SP && byte !== TAB) {
      if (TOKEN[byte] === 0) return 'bad-chunk-extension'
      this.state = EXTENSION
    }
    return this.countExtension()
  }

  private countExtension(): Fault | undefined {
    const allowed = FREE_EXTENSION_BYTES + this.dataBytes / DATA_PER_EXTENSION_BYTE
    return ++this.extensionBytes > allowed ? 'bad-chunk-extension' : undefined
  }

  private sizeEnds(byte: number): Fault | undefined {
    if (byte !== LF) return 'bad-chunk-size'
    this.digits = 0
    this.state = this.remaining === 0 ? TRAILERS : DATA
    return undefined
  }
}
