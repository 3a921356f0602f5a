import { COLON, CR, FIELD_VALUE, LF, SP, TAB, TOKEN, latin1 } from './byte-class.ts'
import type { Fault } from './fault.ts'
import { FIELD, fieldId, type FieldId } from './field-name.ts'

/** Bounds of a head; see `Limits`. */
export interface HeadLimits {
  readonly maxLineBytes: number
  readonly maxHeadBytes: number
  readonly maxFields: number
}

/** Result of `feed`: the head is not complete yet. */
export const INCOMPLETE = -1
/** Result of `feed`: the message is refused, see `fault`. */
export const REFUSED = -2

const EMPTY: Buffer = Buffer.alloc(0)
const FIRST_ALLOCATION = 1024
const SLOTS = 5
/** Heads that have more get more slots, which they keep for the next message. */
const FIRST_FIELDS = 8

/** States of the scanner; those below `FIELD_START` belong to the start line of the subclass. */
export const START_LINE = 0
const FIELD_START = 16
const NAME = 17
const BEFORE_VALUE = 18
const VALUE = 19
const VALUE_LF = 20
const END_LF = 21
const COMPLETE = 22

/**
 * Incremental, strict scanner of a field section: the trailer section as it is, the head of a message with the
 * start line added by a subclass. It works in the bytes as received: when a head arrives in one piece nothing is
 * copied; otherwise the bytes are gathered in a buffer of its own, bounded by `maxHeadBytes`. Limits act while
 * reading, before a line ends. Every byte is looked at once, wherever the input was split.
 *
 * Strict means (RFC 9112 §2.2, §5): lines end with CRLF only, names are tokens directly followed by the colon,
 * no folding, no control characters.
 */
export class FieldSection {
  /** The bytes all offsets refer to. */
  bytes: Buffer = EMPTY
  /** Offset of the first byte of the message. */
  start = 0
  /** Offset behind the empty line, once complete. */
  end = 0
  /** Number of fields. */
  count = 0
  /** Why `feed` answered `REFUSED`. */
  fault: Fault | undefined = undefined

  protected readonly limits: HeadLimits
  protected state: number = START_LINE
  protected lineStart = 0
  private at = 0
  /** Bytes in a buffer of its own; 0 when it is read from where it arrived. */
  private filled = 0
  /** One bit per known name that occurs, so that asking for an absent field costs nothing. */
  private seenLow = 0
  private seenHigh = 0
  private slots: Int32Array

  constructor(limits: HeadLimits) {
    this.limits = limits
    this.slots = new Int32Array(Math.min(limits.maxFields, FIRST_FIELDS) * SLOTS)
    this.state = this.firstState()
  }

  /** Makes the object ready for the next message; buffers are kept unless they are large. */
  reset(): void {
    this.start = this.end = this.count = this.at = this.filled = this.lineStart = 0
    this.seenLow = this.seenHigh = 0
    this.bytes = EMPTY
    this.fault = undefined
    this.state = this.firstState()
  }

  /** Whether a byte of the message itself has arrived. */
  get begun(): boolean {
    return this.filled > 0
  }

  /** Bytes of the message that were kept of earlier chunks. */
  get kept(): number {
    return this.filled
  }

  /**
   * Scans `chunk[from, to)`.
   *
   * @returns the offset in `chunk` behind the head, `INCOMPLETE` or `REFUSED`
   */
  feed(chunk: Buffer, from: number, to: number): number {
    if (this.filled > 0) return this.feedMore(chunk, from, to)
    this.bytes = chunk
    this.start = this.at = this.lineStart = from
    const done = this.scan(to)
    if (done === INCOMPLETE) this.keep(to)
    return done
  }

  /** The known name of a field, or `FIELD.other`. */
  id(index: number): FieldId {
    return this.slots[index * SLOTS + 4]! as FieldId
  }

  nameStart(index: number): number {
    return this.slots[index * SLOTS]!
  }

  nameEnd(index: number): number {
    return this.slots[index * SLOTS + 1]!
  }

  valueStart(index: number): number {
    return this.slots[index * SLOTS + 2]!
  }

  valueEnd(index: number): number {
    return this.slots[index * SLOTS + 3]!
  }

  /** The name of the field whose value was refused, or that a refused line continues. */
  get nameAtFault(): string | undefined {
    if (this.fault === 'bad-field-value') return this.name(this.count)
    return this.fault === 'folded-field' && this.count > 0 ? this.name(this.count - 1) : undefined
  }

  /** The field name as received. */
  name(index: number): string {
    return latin1(this.bytes, this.nameStart(index), this.nameEnd(index))
  }

  /** The field value without surrounding white space, one character per byte. */
  value(index: number): string {
    return latin1(this.bytes, this.valueStart(index), this.valueEnd(index))
  }

  /** Whether a field of that name occurs. */
  has(id: FieldId): boolean {
    return ((id < 32 ? this.seenLow >>> id : this.seenHigh >>> (id - 32)) & 1) === 1
  }

  /** Whether it is read from where these bytes are, instead of from a copy of them. */
  isIn(bytes: Uint8Array): boolean {
    return this.bytes.buffer === bytes.buffer
  }

  /** Copies the section, just read from a chunk, to a buffer of its own, so that the chunk can be let go of. */
  detach(): void {
    if (this.filled > 0) return
    const { end, start } = this
    this.keep(end)
    this.end = end - start
  }

  /** Index of the first field of that name, or -1. */
  find(id: FieldId): number {
    if (!this.has(id)) return -1
    for (let index = 0; index < this.count; index++) if (this.id(index) === id) return index
    return -1
  }

  /** Value of the first field of that name. */
  text(id: FieldId): string | undefined {
    const index = this.find(id)
    return index < 0 ? undefined : this.value(index)
  }

  /** Whether the start line, if there is one, has been read. */
  protected get isBehindStartLine(): boolean {
    return this.state >= FIELD_START
  }

  protected firstState(): number {
    return FIELD_START
  }

  /** Scans the start line from `at`; returns the new offset, and sets `state` or refuses. */
  protected scanStartLine(_at: number, _stop: number): number {
    throw new Error('a field section has no start line')
  }

  /** Called by the start line's scanner when its CRLF is complete. */
  protected startFields(at: number): void {
    this.state = FIELD_START
    this.lineStart = at
  }

  protected refuse(fault: Fault): number {
    this.fault = fault
    return REFUSED
  }

  /** Fault of a line that reached its limit. */
  protected tooLong(): Fault {
    return 'head-too-large'
  }

  private feedMore(chunk: Buffer, from: number, to: number): number {
    const before = this.filled
    const room = this.limits.maxHeadBytes + 1 - before
    const taken = Math.min(to - from, Math.max(room, 0))
    this.reserve(before + taken)
    chunk.copy(this.bytes, before, from, from + taken)
    this.filled = before + taken
    const done = this.scan(this.filled)
    return done < 0 ? done : from + (done - before)
  }

  /** Moves what has been seen of the message to a buffer of its own. */
  private keep(to: number): void {
    const shift = this.start
    const length = to - shift
    if (length === 0) return
    const source = this.bytes
    this.bytes = Buffer.allocUnsafeSlow(Math.max(FIRST_ALLOCATION, length * 2))
    source.copy(this.bytes, 0, shift, to)
    this.filled = length
    this.rebase(shift)
  }

  protected rebase(shift: number): void {
    this.start = 0
    this.at -= shift
    this.lineStart -= shift
    const { slots } = this
    // The field being read has slots already.
    for (let index = 0; index <= this.count * SLOTS && index < slots.length; index += SLOTS) {
      slots[index] = slots[index]! - shift
      slots[index + 1] = slots[index + 1]! - shift
      slots[index + 2] = slots[index + 2]! - shift
      slots[index + 3] = slots[index + 3]! - shift
    }
  }

  private reserve(length: number): void {
    if (length <= this.bytes.length) return
    const larger = Buffer.allocUnsafeSlow(length * 2)
    this.bytes.copy(larger, 0, 0, this.filled)
    this.bytes = larger
  }

  private stopOf(to: number): number {
    return Math.min(to, this.lineStart + this.limits.maxLineBytes, this.start + this.limits.maxHeadBytes)
  }

  private scan(to: number): number {
    let at = this.at
    let stop = this.stopOf(to)
    while (this.state !== COMPLETE) {
      if (at >= stop) {
        this.at = at
        return stop < to ? this.refuse(this.tooLong()) : INCOMPLETE
      }
      const line = this.lineStart
      at = this.state < FIELD_START ? this.scanStartLine(at, stop) : this.scanField(at, stop)
      if (at < 0) return at
      if (this.lineStart !== line) stop = this.stopOf(to)
    }
    this.end = at
    return at
  }

  /** Each step falls through to the next one while there are bytes, and is found again by its state when not. */
  private scanField(at: number, stop: number): number {
    switch (this.state) {
      case FIELD_START:
        return this.scanFieldStart(at, stop)
      case NAME:
        return this.scanName(at, stop)
      case BEFORE_VALUE:
        return this.skipSpace(at, stop)
      case VALUE:
        return this.scanValue(at, stop)
      case VALUE_LF:
        return this.scanLineFeed(at)
      default:
        if (this.bytes[at] !== LF) return this.refuse('bad-line-end')
        this.state = COMPLETE
        return at + 1
    }
  }

  private growSlots(): void {
    const { slots, limits } = this
    this.slots = new Int32Array(Math.min(limits.maxFields * SLOTS, slots.length * 2))
    this.slots.set(slots)
  }

  private scanFieldStart(at: number, stop: number): number {
    const byte = this.bytes[at]!
    if (byte === CR) {
      this.state = END_LF
      return at + 1
    }
    if (byte === SP || byte === TAB) return this.refuse('folded-field')
    if (byte === LF) return this.refuse('bad-line-end')
    if (this.count >= this.limits.maxFields) return this.refuse('too-many-fields')
    if (this.count * SLOTS === this.slots.length) this.growSlots()
    this.state = NAME
    this.slots[this.count * SLOTS + 4] = 0
    return this.scanName(at, stop)
  }

  private scanName(at: number, stop: number): number {
    const { bytes } = this
    const flagsAt = this.count * SLOTS + 4
    let flags = this.slots[flagsAt]!
    for (; at < stop; at++) {
      const kind = TOKEN[bytes[at]!]!
      if (kind !== 0) {
        flags |= kind
        continue
      }
      if (bytes[at] !== COLON || at === this.lineStart) return this.refuse('bad-field-name')
      this.nameEnds(at, flags)
      return this.skipSpace(at + 1, stop)
    }
    this.slots[flagsAt] = flags
    return at
  }

  private nameEnds(at: number, flags: number): void {
    const slot = this.count * SLOTS
    this.slots[slot] = this.lineStart
    this.slots[slot + 1] = at
    const id = flags === 3 ? FIELD.underscored : fieldId(this.bytes, this.lineStart, at)
    this.slots[slot + 4] = id
    if (id < 32) this.seenLow |= 1 << id
    else this.seenHigh |= 1 << (id - 32)
    this.state = BEFORE_VALUE
  }

  private skipSpace(at: number, stop: number): number {
    const { bytes } = this
    while (at < stop && (bytes[at] === SP || bytes[at] === TAB)) at++
    if (at === stop) return at
    this.slots[this.count * SLOTS + 2] = at
    this.state = VALUE
    return this.scanValue(at, stop)
  }

  private scanValue(at: number, stop: number): number {
    const { bytes } = this
    while (at < stop && FIELD_VALUE[bytes[at]!] === 1) at++
    if (at === stop) return at
    if (bytes[at] !== CR) return this.refuse(bytes[at] === LF ? 'bad-line-end' : 'bad-field-value')
    this.valueEnds(at)
    return at + 1 < stop ? this.scanLineFeed(at + 1) : at + 1
  }

  private scanLineFeed(at: number): number {
    if (this.bytes[at] !== LF) return this.refuse('bad-line-end')
    this.state = FIELD_START
    this.lineStart = at + 1
    return at + 1
  }

  private valueEnds(at: number): void {
    const { bytes } = this
    const slot = this.count * SLOTS
    const from = this.slots[slot + 2]!
    let end = at
    while (end > from && (bytes[end - 1] === SP || bytes[end - 1] === TAB)) end--
    this.slots[slot + 3] = end
    this.count++
    this.state = VALUE_LF
  }
}
