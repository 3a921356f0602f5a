const BLOCK_BYTES = 256 * 1024
/** Blocks that are kept for the next lines. */
const MAX_SPARE_BLOCKS = 8
/** The longest text of one character of a JSON string, `\u0000`. */
const MAX_ESCAPE_BYTES = 6
const QUOTE = 0x22
const DOT = 0x2e
const ZERO = 0x30
const MAX_INT32 = 0x7fffffff

/** Characters that stand for themselves in a JSON string and on a terminal: printable ASCII without `"` and `\`. */
const PLAIN = Uint8Array.from({ length: 128 }, (_, code) =>
  code >= 0x20 && code < 0x7f && code !== QUOTE && code !== 0x5c ? 1 : 0,
)

/** What JSON allows in a string and a terminal or a reader of lines does not. */
// oxlint-disable-next-line no-control-regex
const LEFT_BY_JSON = /[\u007f-\u009f\u2028\u2029]/g

const unicodeEscape = (char: string): string => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`

/**
 * Collects lines as bytes, in blocks that are used again. Text is copied by loops, character by character: joined as
 * strings and encoded afterwards, a line costs several times as much (`bench/proxy`, logged-64).
 */
export class LineWriter {
  private block: Buffer | undefined
  private at = 0
  private sealedBytes = 0
  private full: Buffer[] = []
  private readonly spare: Buffer[] = []

  /** Bytes written and not taken. */
  get length(): number {
    return this.sealedBytes + this.at
  }

  /** Makes room for a line of that many characters, escapes included whatever they are. */
  begin(chars: number): void {
    const bytes = chars * MAX_ESCAPE_BYTES
    if (this.block !== undefined && this.at + bytes <= this.block.length) return
    this.seal()
    this.block = bytes > BLOCK_BYTES ? Buffer.allocUnsafeSlow(bytes) : this.spareBlock()
  }

  /** Text of ASCII characters, as it is. */
  ascii(text: string): void {
    const block = this.block!
    let { at } = this
    for (let index = 0; index < text.length; index++) block[at++] = text.charCodeAt(index)
    this.at = at
  }

  /** Any text, as UTF-8. */
  utf8(text: string): void {
    this.at += this.block!.write(text, this.at)
  }

  /** A JSON string without control characters, not even those JSON allows. */
  quoted(text: string): void {
    const block = this.block!
    let { at } = this
    block[at++] = QUOTE
    for (let index = 0; index < text.length; index++) {
      const code = text.charCodeAt(index)
      if (PLAIN[code] !== 1) return this.utf8(JSON.stringify(text).replace(LEFT_BY_JSON, unicodeEscape))
      block[at++] = code
    }
    block[at++] = QUOTE
    this.at = at
  }

  integer(value: number): void {
    if (!(value >= 0 && value <= MAX_INT32)) return this.ascii(String(value))
    this.at = this.digits(value, this.at, 1)
  }

  /** Milliseconds, rounded to microseconds. */
  milliseconds(value: number): void {
    const micros = Math.round(value * 1000)
    if (!(micros >= 0 && micros <= MAX_INT32)) return this.ascii(String(micros / 1000))
    const whole = (micros / 1000) | 0
    const rest = micros - whole * 1000
    this.integer(whole)
    if (rest === 0) return
    this.block![this.at] = DOT
    this.at = this.digits(rest, this.at + 1, 3)
  }

  /** Hands over all that was written, to be given back with `reuse`. */
  take(): Buffer[] {
    this.seal()
    const blocks = this.full
    this.full = []
    this.sealedBytes = 0
    return blocks
  }

  /** This block, which came from `take`, has been written. */
  reuse({ buffer }: Buffer): void {
    if (this.spare.length < MAX_SPARE_BLOCKS && buffer.byteLength === BLOCK_BYTES)
      this.spare.push(Buffer.from(buffer))
  }

  /** @param places least number of digits @returns where they end */
  private digits(value: number, from: number, places: number): number {
    const block = this.block!
    let count = places
    for (let bound = 10 ** places; bound <= value; bound *= 10) count++
    let rest = value | 0
    for (let at = from + count - 1; at >= from; at--) {
      const quotient = (rest / 10) | 0
      block[at] = ZERO + rest - quotient * 10
      rest = quotient
    }
    return from + count
  }

  private seal(): void {
    if (this.block !== undefined && this.at > 0) this.full.push(this.block.subarray(0, this.at))
    this.sealedBytes += this.at
    this.block = undefined
    this.at = 0
  }

  private spareBlock(): Buffer {
    return this.spare.pop() ?? Buffer.allocUnsafeSlow(BLOCK_BYTES)
  }
}
