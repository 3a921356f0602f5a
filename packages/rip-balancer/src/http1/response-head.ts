import { BodyFraming, type Framing } from './body-framing.ts'
import { CR, FIELD_VALUE, LF, SP, isDigit } from './byte-class.ts'
import { ConnectionOptions } from './connection-options.ts'
import type { Fault } from './fault.ts'
import { FieldSection, START_LINE } from './field-section.ts'

const PREFIX = [0x48, 0x54, 0x54, 0x50, 0x2f, 0x31, 0x2e]
const REASON = 1
const LINE_LF = 2

/** Head of a response: status line, fields, and what they mean for framing and reuse. */
export class ResponseHead extends FieldSection {
  status = 0
  /** Minor version as sent. */
  minor = 1
  /** Offset of the status code. */
  statusStart = 0
  /** Offset of the CR that ends the status line. */
  reasonEnd = 0
  /** Without a body its length may be told all the same (HEAD, 304), but not by fields that contradict each other. */
  tellsLength = true
  readonly body: BodyFraming = new BodyFraming()
  readonly connection: ConnectionOptions = new ConnectionOptions()

  override reset(): void {
    super.reset()
    this.status = this.statusStart = this.reasonEnd = 0
    this.minor = 1
    this.tellsLength = true
  }

  get isInterim(): boolean {
    return this.status < 200 && this.status !== 101
  }

  /**
   * Applies the rules that need the whole head.
   *
   * @param toHead whether the request was HEAD
   */
  check(toHead: boolean): Fault | undefined {
    // An option that cannot be read is no reason to lose the response; the connection is not trusted again.
    if (!this.connection.read(this)) this.connection.close = true
    const fault = this.body.read(this, this.minor)
    const hasNoBody = toHead || this.status < 200 || this.status === 204 || this.status === 304
    if (fault !== undefined && !hasNoBody) return fault
    this.tellsLength = fault === undefined
    this.body.framing = hasNoBody ? 'none' : this.framing()
    return undefined
  }

  /** RFC 9112 §6.3: some responses have no body whatever their fields say; without a length it ends with the connection. */
  private framing(): Framing {
    if (this.body.framing === 'none') return 'eof'
    return this.body.length === 0 && this.body.framing === 'length' ? 'none' : this.body.framing
  }

  protected override firstState(): number {
    return START_LINE
  }

  protected override rebase(shift: number): void {
    super.rebase(shift)
    this.statusStart -= shift
    this.reasonEnd -= shift
  }

  protected override scanStartLine(at: number, stop: number): number {
    if (this.state === START_LINE) return this.scanStatus(at, stop)
    if (this.state === REASON) return this.scanReason(at, stop)
    if (this.bytes[at] !== LF) return this.refuse('bad-status-line')
    this.startFields(at + 1)
    return at + 1
  }

  /** `HTTP/1.` DIGIT SP 3DIGIT, then SP or, as some servers leave it out, CR. */
  private scanStatus(at: number, stop: number): number {
    while (at < stop && this.state === START_LINE) {
      at = this.statusByte(at)
      if (at < 0) return at
    }
    return at
  }

  private statusByte(at: number): number {
    const byte = this.bytes[at]!
    const index = at - this.start
    if (index < 7) return byte === PREFIX[index] ? at + 1 : this.refuse('bad-status-line')
    if (index === 8) return byte === SP ? at + 1 : this.refuse('bad-status-line')
    if (index === 12) return this.statusEnds(at, byte)
    if (!isDigit(byte)) return this.refuse('bad-status-line')
    if (index === 7) this.minor = byte - 0x30
    else this.status = (index === 9 ? 0 : this.status * 10) + byte - 0x30
    return at + 1
  }

  private statusEnds(at: number, byte: number): number {
    this.statusStart = at - 3
    if (this.status < 100 || this.status > 599) return this.refuse('bad-status-line')
    if (byte !== SP && byte !== CR) return this.refuse('bad-status-line')
    this.state = REASON
    return byte === SP ? at + 1 : at
  }

  private scanReason(at: number, stop: number): number {
    const { bytes } = this
    while (at < stop && FIELD_VALUE[bytes[at]!] === 1) at++
    if (at === stop) return at
    if (bytes[at] !== CR) return this.refuse('bad-status-line')
    this.reasonEnd = at
    this.state = LINE_LF
    return at + 1
  }
}
