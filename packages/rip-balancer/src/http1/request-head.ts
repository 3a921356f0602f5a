import { isAuthority } from './authority.ts'
import { BodyFraming } from './body-framing.ts'
import {
  CR,
  HEX,
  LF,
  SP,
  TARGET,
  TARGET_8BIT,
  TARGET_PERCENT,
  TARGET_QUERY_ONLY,
  TOKEN,
  equalsText,
  isDigit,
  latin1,
} from './byte-class.ts'
import { ConnectionOptions } from './connection-options.ts'
import type { Fault } from './fault.ts'
import { FIELD } from './field-name.ts'
import { FieldSection, START_LINE } from './field-section.ts'

const METHOD = 1
const TARGET_BYTES = 2
const VERSION = 3
const LINE_LF = 4
const EMPTY_LINE_LF = 5

const MAX_EMPTY_LINES = 4
/** Registered methods have at most 17 letters. */
const MAX_METHOD_BYTES = 64
/** A space, `HTTP/1.1`, and CRLF. */
const VERSION_AND_END_BYTES = 11
const HTTP = [0x48, 0x54, 0x54, 0x50, 0x2f]
const DOT = 0x2e
const SLASH = 0x2f
const STAR = 0x2a
const COLON = 0x3a
const QUESTION = 0x3f

/** Form of a request target (RFC 9112 §3.2); the authority form belongs to CONNECT, which is refused. */
export type TargetForm = 'origin' | 'absolute' | 'asterisk'

/** Head of a request: start line, fields, and what they mean for framing and persistence. */
export class RequestHead extends FieldSection {
  methodEnd = 0
  targetEnd = 0
  /** Minor version as sent; 2 to 9 are treated as 1. */
  minor = 1
  form: TargetForm = 'origin'
  /** The authority that counts: of the target in absolute form, else of `Host`. Empty range when there is none. */
  hostStart = 0
  hostEnd = 0
  /** In absolute form: where path and query begin. */
  pathStart = 0
  /** The first byte of the query that is beyond ASCII; `targetEnd` when there is none. */
  rawQueryStart = 0
  readonly body: BodyFraming = new BodyFraming()
  readonly connection: ConnectionOptions = new ConnectionOptions()
  /** The client asked for `100 Continue`, may be given one, and has a body to send. */
  expectsContinue = false
  /** 2 is set by a stream of HTTP/2, whose head says the same as one of HTTP/1.1 with these fields. */
  major = 1
  private emptyLines = 0

  override reset(): void {
    super.reset()
    this.methodEnd = this.targetEnd = 0
    this.hostStart = this.hostEnd = this.pathStart = this.rawQueryStart = 0
    this.emptyLines = 0
    this.major = this.minor = 1
    this.body.framing = 'none'
    this.expectsContinue = false
  }

  /** Whether the request line has been read, so that method and target can be reported. */
  get hasRequestLine(): boolean {
    return this.isBehindStartLine
  }

  get targetStart(): number {
    return this.methodEnd + 1
  }

  /** Offset behind the CRLF of the request line. */
  get lineEnd(): number {
    return this.targetEnd + VERSION_AND_END_BYTES
  }

  get method(): string {
    return latin1(this.bytes, this.start, this.methodEnd)
  }

  /** As it is passed on: raw bytes beyond ASCII, which only a query may have, are escapes. */
  get target(): string {
    const text = latin1(this.bytes, this.targetStart, this.targetEnd)
    return this.rawQueryStart === this.targetEnd ? text : text.replace(BEYOND_ASCII, escaped)
  }

  get host(): string {
    return latin1(this.bytes, this.hostStart, this.hostEnd)
  }

  /** Of the protocol the client speaks, as `Via` and the log name it (RFC 9110 §7.6.3). */
  get version(): string {
    return this.major > 1 ? `${this.major}.0` : `1.${this.minor}`
  }

  isMethod(name: string): boolean {
    if (this.methodEnd - this.start !== name.length) return false
    for (let index = 0; index < name.length; index++)
      if (this.bytes[this.start + index] !== name.charCodeAt(index)) return false
    return true
  }

  get isHead(): boolean {
    return this.isMethod('HEAD')
  }

  /** Whether repeating the request has the same effect as one (RFC 9110 §9.2.2); CONNECT and TRACE never get here. */
  get isIdempotent(): boolean {
    return (
      this.isMethod('GET') ||
      this.isMethod('HEAD') ||
      this.isMethod('PUT') ||
      this.isMethod('DELETE') ||
      this.isMethod('OPTIONS')
    )
  }

  /** Whether it would mean something if it had a body, so that one without says so (RFC 9110 §8.6). */
  get expectsBody(): boolean {
    return this.isMethod('POST') || this.isMethod('PUT') || this.isMethod('PATCH')
  }

  /** Whether the client wants to go on with this connection (RFC 9112 §9.3). */
  get persists(): boolean {
    if (this.connection.close) return false
    return this.minor > 0 || this.connection.keepAlive
  }

  /**
   * Applies the rules that need the whole head.
   *
   * @returns what is wrong, or `undefined`
   */
  check(): Fault | undefined {
    if (!this.connection.read(this)) return 'bad-connection'
    return (
      this.checkTarget() ??
      this.checkHost() ??
      this.body.read(this, this.minor) ??
      this.checkExpectation() ??
      this.checkMethod()
    )
  }

  protected override firstState(): number {
    return START_LINE
  }

  protected override tooLong(): Fault {
    if (this.state > TARGET_BYTES) return 'head-too-large'
    return this.state === TARGET_BYTES ? 'target-too-long' : 'bad-method'
  }

  protected override rebase(shift: number): void {
    super.rebase(shift)
    this.methodEnd -= shift
    this.targetEnd -= shift
  }

  protected override scanStartLine(at: number, stop: number): number {
    switch (this.state) {
      case START_LINE:
        return this.scanBegin(at, stop)
      case METHOD:
        return this.scanMethod(at, stop)
      case TARGET_BYTES:
        return this.scanTarget(at, stop)
      case VERSION:
        return this.scanVersion(at, stop)
      case LINE_LF:
        return this.scanLineEnd(at)
      default:
        return this.skipEmptyLine(at)
    }
  }

  /** Clients of old send a CRLF after a body: skip a few empty lines before a request (RFC 9112 §2.2). */
  private scanBegin(at: number, stop: number): number {
    if (this.bytes[at] === CR) {
      if (++this.emptyLines > MAX_EMPTY_LINES) return this.refuse('bad-line-end')
      this.state = EMPTY_LINE_LF
      return at + 1
    }
    this.start = this.lineStart = at
    this.state = METHOD
    return this.scanMethod(at, stop)
  }

  private skipEmptyLine(at: number): number {
    if (this.bytes[at] !== LF) return this.refuse('bad-line-end')
    this.state = START_LINE
    this.start = this.lineStart = at + 1
    return at + 1
  }

  private scanMethod(at: number, stop: number): number {
    const { bytes } = this
    while (at < stop && TOKEN[bytes[at]!] !== 0) at++
    if (at - this.start > MAX_METHOD_BYTES) return this.refuse('bad-method')
    if (at === stop) return at
    if (bytes[at] !== SP || at === this.start)
      return this.refuse(bytes[at] === LF ? 'bad-line-end' : 'bad-method')
    this.methodEnd = at
    this.state = TARGET_BYTES
    return this.scanTarget(at + 1, stop)
  }

  private scanTarget(at: number, stop: number): number {
    const { bytes } = this
    while (at < stop && TARGET[bytes[at]!] !== 0) at++
    if (at === stop) return at
    if (bytes[at] !== SP || at === this.targetStart) return this.refuse('bad-target')
    this.targetEnd = at
    this.state = VERSION
    return this.scanVersion(at + 1, stop)
  }

  private scanVersion(at: number, stop: number): number {
    while (at < stop && this.state === VERSION) {
      at = this.versionByte(at)
      if (at < 0) return at
    }
    return at
  }

  private versionByte(at: number): number {
    const byte = this.bytes[at]!
    const index = at - this.targetEnd - 1
    if (index < 5) return byte === HTTP[index] ? at + 1 : this.refuse('bad-version')
    if (index === 6) return byte === DOT ? at + 1 : this.refuse('bad-version')
    if (index === 8) return byte === CR ? this.versionEnds(at) : this.refuse('bad-version')
    if (!isDigit(byte)) return this.refuse('bad-version')
    if (index === 5) this.major = byte - 0x30
    else this.minor = byte - 0x30
    return at + 1
  }

  private versionEnds(at: number): number {
    this.state = LINE_LF
    return at + 1
  }

  private scanLineEnd(at: number): number {
    if (this.bytes[at] !== LF) return this.refuse('bad-line-end')
    if (this.major !== 1) return this.refuse('unsupported-version')
    this.startFields(at + 1)
    return at + 1
  }

  private checkTarget(): Fault | undefined {
    if (!this.pathIsPlain()) return 'bad-target'
    const first = this.bytes[this.targetStart]
    this.pathStart = this.targetStart
    this.form = 'origin'
    if (first === SLASH) return undefined
    if (first === STAR && this.targetEnd - this.targetStart === 1) return this.checkAsterisk()
    return this.checkAbsolute()
  }

  private checkAsterisk(): Fault | undefined {
    this.form = 'asterisk'
    return this.isMethod('OPTIONS') ? undefined : 'bad-target'
  }

  /**
   * The path has to mean the same to every server: `%` starts two hexadecimal digits, `%00` has no honest use, and
   * characters that some parsers escape, replace or refuse are refused. To all of them a query is data.
   */
  private pathIsPlain(): boolean {
    const { bytes, targetEnd } = this
    this.rawQueryStart = targetEnd
    for (let at = this.targetStart; at < targetEnd; at++) {
      const kind = TARGET[bytes[at]!]!
      if (kind >= TARGET_QUERY_ONLY) return false
      if (kind === TARGET_PERCENT && !this.isEscape(at)) return false
      if (bytes[at] === QUESTION) return this.findRawQuery(at + 1)
    }
    return true
  }

  private isEscape(at: number): boolean {
    if (at + 2 >= this.targetEnd) return false
    const high = HEX[this.bytes[at + 1]!]!
    const low = HEX[this.bytes[at + 2]!]!
    return high !== 255 && low !== 255 && high + low > 0
  }

  private findRawQuery(from: number): true {
    const { bytes, targetEnd } = this
    let at = from
    while (at < targetEnd && TARGET[bytes[at]!] !== TARGET_8BIT) at++
    this.rawQueryStart = at
    return true
  }

  private checkAbsolute(): Fault | undefined {
    if (this.isMethod('CONNECT')) return 'method-refused'
    const { bytes, targetStart, targetEnd } = this
    const from = schemeEnd(bytes, targetStart, targetEnd)
    if (from < 0) return 'bad-target'
    let to = from
    while (to < targetEnd && bytes[to] !== SLASH && bytes[to] !== QUESTION) to++
    if (!isAuthority(bytes, from, to)) return 'bad-target'
    this.form = 'absolute'
    this.hostStart = from
    this.hostEnd = to
    this.pathStart = to
    return undefined
  }

  private checkHost(): Fault | undefined {
    let found = -1
    for (let index = 0; index < this.count; index++) {
      if (this.id(index) !== FIELD.host) continue
      if (found >= 0) return 'several-hosts'
      found = index
    }
    if (found < 0) return this.minor === 0 ? undefined : 'missing-host'
    const from = this.valueStart(found)
    const to = this.valueEnd(found)
    if (!isAuthority(this.bytes, from, to)) return 'bad-host'
    if (this.form !== 'absolute') {
      this.hostStart = from
      this.hostEnd = to
    }
    return undefined
  }

  private checkExpectation(): Fault | undefined {
    this.expectsContinue = false
    if (!this.has(FIELD.expect)) return undefined
    for (let index = 0; index < this.count; index++) {
      if (this.id(index) !== FIELD.expect) continue
      if (!isContinue(this.value(index))) return 'unknown-expectation'
      this.expectsContinue = this.minor > 0 && this.hasBody
    }
    return undefined
  }

  get hasBody(): boolean {
    return this.body.framing === 'chunked' || this.body.length > 0
  }

  private checkMethod(): Fault | undefined {
    return this.isMethod('TRACE') || this.isMethod('CONNECT') ? 'method-refused' : undefined
  }
}

/** A list (RFC 9110 §5.6.1) with nothing in it but the one expectation there is (§10.1.1). */
function isContinue(value: string): boolean {
  const members = value.split(',').map((member) => member.trim().toLowerCase())
  return (
    members.includes('100-continue') && members.every((member) => member === '' || member === '100-continue')
  )
}

const BEYOND_ASCII = /[\x80-\xff]/g
const escaped = (char: string): string => `%${char.charCodeAt(0).toString(16).toUpperCase()}`

function schemeEnd(bytes: Uint8Array, from: number, to: number): number {
  let at = from
  while (at < to && bytes[at] !== COLON) at++
  if (!equalsText(bytes, from, at, 'http') && !equalsText(bytes, from, at, 'https')) return -1
  return at + 2 < to && bytes[at + 1] === SLASH && bytes[at + 2] === SLASH ? at + 3 : -1
}
