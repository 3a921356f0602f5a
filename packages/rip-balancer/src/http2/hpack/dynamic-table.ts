/** What an entry counts beyond its name and value (RFC 7541 §4.1). */
export const ENTRY_OVERHEAD_BYTES = 32
/** Size of a table before the SETTINGS of the side that decodes have come (RFC 9113 §6.5.2). */
export const DEFAULT_TABLE_BYTES = 4_096

const FIRST_BYTES = 512
const FIRST_ENTRIES = 16
/** Of each entry: where its name begins, where that ends and the value begins, and where the value ends. */
const SLOTS = 3

/**
 * The dynamic table (RFC 7541 §2.3.2). Names and values lie one behind the other in one buffer, which grows with
 * the table; entries are numbers, so that nothing is allocated for each. Entries are counted from 1, the newest one.
 */
export class DynamicTable {
  /** Where the bytes of all entries lie. */
  bytes: Buffer = Buffer.alloc(0)
  /** Number of entries. */
  count = 0
  /** Size as RFC 7541 §4.1 counts it: never more than `maxSize`. */
  size = 0
  maxSize: number
  /** A ring of entries, whose number is a power of two, as a mask. */
  private slots = new Int32Array(0)
  private slotMask = -1
  /** The number of the next entry: they are numbered in the order in which they are added. */
  next = 0
  private end = 0

  constructor(maxSize: number) {
    this.maxSize = maxSize
  }

  nameStart(index: number): number {
    return this.slots[this.slotOf(index)]!
  }

  nameEnd(index: number): number {
    return this.slots[this.slotOf(index) + 1]!
  }

  valueStart(index: number): number {
    return this.slots[this.slotOf(index) + 1]!
  }

  valueEnd(index: number): number {
    return this.slots[this.slotOf(index) + 2]!
  }

  /** Sets the limit and evicts what is beyond it. */
  resize(maxSize: number): void {
    this.maxSize = maxSize
    this.evictTo(maxSize)
  }

  /**
   * Adds an entry, and evicts others to make room for it; one that is larger than the table empties it (RFC 7541 §4.4).
   * The ranges may not lie in this table.
   *
   * @returns the number of the entry
   */
  add(
    name: Buffer,
    nameFrom: number,
    nameTo: number,
    value: Buffer,
    valueFrom: number,
    valueTo: number,
  ): number {
    const length = nameTo - nameFrom + valueTo - valueFrom
    const size = length + ENTRY_OVERHEAD_BYTES
    this.evictTo(this.maxSize - size)
    if (size > this.maxSize) return this.next++
    this.makeRoom(length)
    const { bytes, end } = this
    const nameEnd = copy(name, nameFrom, nameTo, bytes, end)
    this.end = copy(value, valueFrom, valueTo, bytes, nameEnd)
    const slot = (this.next & this.slotMask) * SLOTS
    this.slots[slot] = end
    this.slots[slot + 1] = nameEnd
    this.slots[slot + 2] = this.end
    this.count++
    this.size += size
    return this.next++
  }

  private slotOf(index: number): number {
    return ((this.next - index) & this.slotMask) * SLOTS
  }

  private evictTo(size: number): void {
    while (this.size > size && this.count > 0) {
      this.size -= this.valueEnd(this.count) - this.nameStart(this.count) + ENTRY_OVERHEAD_BYTES
      this.count--
    }
    if (this.count === 0) this.end = 0
  }

  private makeRoom(length: number): void {
    if (this.count > this.slotMask) this.growSlots()
    if (this.end + length > this.bytes.length) this.moveBytes(length)
  }

  private growSlots(): void {
    const entries = Math.max(FIRST_ENTRIES, this.count * 2)
    const slots = new Int32Array(entries * SLOTS)
    const mask = entries - 1
    for (let index = this.count; index > 0; index--) {
      const from = this.slotOf(index)
      slots.set(this.slots.subarray(from, from + SLOTS), ((this.next - index) & mask) * SLOTS)
    }
    this.slots = slots
    this.slotMask = mask
  }

  /** Brings the entries to the front, of a larger buffer if they fill more than half of this one, so that it happens rarely. */
  private moveBytes(length: number): void {
    const from = this.count === 0 ? this.end : this.nameStart(this.count)
    const needed = this.end - from + length
    const { bytes } = this
    if (needed * 2 > bytes.length) this.bytes = Buffer.allocUnsafeSlow(capacityFor(needed * 2))
    bytes.copy(this.bytes, 0, from, this.end)
    for (let index = this.count; index > 0; index--) {
      const slot = this.slotOf(index)
      this.slots[slot]! -= from
      this.slots[slot + 1]! -= from
      this.slots[slot + 2]! -= from
    }
    this.end -= from
  }
}

function capacityFor(length: number): number {
  let capacity = FIRST_BYTES
  while (capacity < length) capacity *= 2
  return capacity
}

/** Up to that length a loop is faster than a call into the runtime. */
const LOOP_BYTES = 24

/** @returns where the copy ends */
function copy(from: Buffer, start: number, end: number, to: Buffer, at: number): number {
  const length = end - start
  if (length > LOOP_BYTES) from.copy(to, at, start, end)
  else for (let index = 0; index < length; index++) to[at + index] = from[start + index]!
  return at + length
}
