import { DEFAULT_TABLE_BYTES, DynamicTable, ENTRY_OVERHEAD_BYTES } from './dynamic-table.ts'
import { STATIC, STATIC_TABLE, staticIndexOf } from './static-table.ts'

const INDEXED = 0x80
const WITH_INDEXING = 0x40
const SIZE_UPDATE = 0x20
const NEVER_INDEXED = 0x10
const WITHOUT_INDEXING = 0
const STATIC_COUNT = STATIC_TABLE.length - 1
const MAX_ENTRIES = DEFAULT_TABLE_BYTES / ENTRY_OVERHEAD_BYTES
/** So many hashes of fields that were sent once are remembered, two of them in the place that both say. */
const RECENT = 128
const HASH_SEED = 0x811c9dc5
const HASH_PRIME = 0x01000193
const HASHED_START = 4
const HASHED_END = 12
const NAME_BYTES = 64
/** Up to that length a loop is faster than a call into the runtime. */
const LOOP_BYTES = 24
const SIZE_UPDATES_BYTES = 12
const FIELD_BYTES = 9

/** How many bytes a block takes at most. @param bytes of all names and values */
export function maxBlockBytes(fields: number, bytes: number): number {
  return SIZE_UPDATES_BYTES + fields * FIELD_BYTES + bytes
}

/**
 * Encodes the header blocks of one direction of a connection (RFC 7541). What is worth a place in the dynamic table
 * it learns by itself: a field is a literal when it is sent first, becomes an entry when it is sent again, and is an
 * index from then on. So ids, lengths and paths that do not return push nothing out, and no list of names is needed.
 *
 * Credentials are never indexed (§7.1.3). Strings are not in Huffman code: those that return are indices, and for the
 * others a quarter of their length is not worth the time.
 */
export class HpackEncoder {
  /** Where the block is written. */
  out: Buffer = NOTHING
  /** Where it ends so far. */
  at = 0
  private readonly maxTableBytes: number
  private readonly table: DynamicTable
  /** The least size of the table since the last block, or -1 when it has not changed. */
  private leastSize = -1
  /** Hashes of fields that were literals lately, each in the place it says. */
  private readonly recent: Int32Array
  /** Hashes of the entries, in a ring by their numbers. */
  private readonly hashes: Int32Array
  private isPlain = false
  /** The present name, in lower case. */
  private name: Buffer = NOTHING
  private nameLength = 0
  /** Names that are not in the static table are brought to lower case here. */
  private names: Buffer = NOTHING

  /** @param maxTableBytes how much of the peer's table is used at most, which is 4,096; 0 uses none */
  constructor(maxTableBytes: number) {
    const size = Math.min(maxTableBytes, DEFAULT_TABLE_BYTES)
    this.maxTableBytes = size
    this.table = new DynamicTable(size)
    this.recent = new Int32Array(size > 0 ? RECENT : 0)
    this.hashes = new Int32Array(size > 0 ? MAX_ENTRIES : 0)
    if (size < DEFAULT_TABLE_BYTES) this.leastSize = size
  }

  /** Size of the dynamic table as RFC 7541 §4.1 counts it. */
  get tableBytes(): number {
    return this.table.size
  }

  /** The peer's SETTINGS_HEADER_TABLE_SIZE has come: the next block says how much of it is used. */
  resize(peerTableBytes: number): void {
    const size = Math.min(peerTableBytes, this.maxTableBytes)
    if (size === this.table.maxSize) return
    this.leastSize = this.leastSize < 0 ? size : Math.min(this.leastSize, size)
    this.table.resize(size)
  }

  /**
   * Begins a block, which is written to `out` from `at` on, where there has to be room for `maxBlockBytes`. Each block
   * has to be sent, in the order in which they were begun, as the peer's table follows them.
   */
  begin(out: Buffer, at: number): void {
    this.out = out
    this.at = at
    this.isPlain = false
    if (this.leastSize < 0) return
    const { maxSize } = this.table
    if (this.leastSize < maxSize) this.integer(SIZE_UPDATE, 5, this.leastSize)
    this.integer(SIZE_UPDATE, 5, maxSize)
    this.leastSize = -1
  }

  /** Begins a block that neither uses nor changes the dynamic table, so that others may be sent in front of it. */
  beginPlain(out: Buffer, at: number): void {
    this.out = out
    this.at = at
    this.isPlain = true
  }

  /** Writes an entry of the static table, as `STATIC` names some. */
  indexed(index: number): void {
    this.integer(INDEXED, 7, index)
  }

  /** Writes `:status`. @param code of three digits */
  status(code: number): void {
    const index = STATUS_INDICES.get(code)
    if (index !== undefined) return this.indexed(index)
    const { out } = this
    this.integer(WITHOUT_INDEXING, 4, STATIC.status200)
    out[this.at++] = 3
    out[this.at++] = DIGIT_0 + Math.trunc(code / 100)
    out[this.at++] = DIGIT_0 + (Math.trunc(code / 10) % 10)
    out[this.at++] = DIGIT_0 + (code % 10)
  }

  /** Writes a field with a name of the static table. @param index the first with that name */
  named(index: number, value: Buffer, from: number, to: number): void {
    this.name = STATIC_TABLE[index]!.name
    this.nameLength = this.name.length
    this.write(index, value, from, to)
  }

  /** Writes a field. Capital letters of the name, which is a token, become lower case. */
  field(
    name: Buffer,
    nameFrom: number,
    nameTo: number,
    value: Buffer,
    valueFrom: number,
    valueTo: number,
  ): void {
    const index = staticIndexOf(name, nameFrom, nameTo)
    if (this.table.maxSize === 0)
      return this.unindexed(index, name, nameFrom, nameTo, value, valueFrom, valueTo)
    if (index > 0) return this.named(index, value, valueFrom, valueTo)
    this.lowerName(name, nameFrom, nameTo)
    this.write(0, value, valueFrom, valueTo)
  }

  /** Writes fields that were encoded without the dynamic table. */
  encoded(fields: Buffer): void {
    this.copy(fields, 0, fields.length)
  }

  /** Where there is no dynamic table, names go to where they are to stand. */
  private unindexed(
    index: number,
    name: Buffer,
    nameFrom: number,
    nameTo: number,
    value: Buffer,
    valueFrom: number,
    valueTo: number,
  ): void {
    this.integer(isCredential(index) ? NEVER_INDEXED : WITHOUT_INDEXING, 4, index)
    if (index === 0) {
      this.integer(0, 7, nameTo - nameFrom)
      const { out } = this
      let { at } = this
      for (let from = nameFrom; from < nameTo; from++) out[at++] = lowerCaseOf(name[from]!)
      this.at = at
    }
    this.string(value, valueFrom, valueTo)
  }

  private lowerName(name: Buffer, from: number, to: number): void {
    const length = to - from
    if (length > this.names.length) this.names = Buffer.allocUnsafeSlow(Math.max(NAME_BYTES, length))
    const { names } = this
    for (let index = 0; index < length; index++) names[index] = lowerCaseOf(name[from + index]!)
    this.name = names
    this.nameLength = length
  }

  private write(staticIndex: number, value: Buffer, from: number, to: number): void {
    if (isCredential(staticIndex)) return this.literal(NEVER_INDEXED, 4, staticIndex, value, from, to)
    if (this.isPlain || !this.mayBeIndexed(to - from))
      return this.literal(WITHOUT_INDEXING, 4, staticIndex, value, from, to)
    const hash = this.hashOf(staticIndex, value, from, to)
    const entry = this.entryWith(hash, value, from, to)
    if (entry > 0) return this.indexed(STATIC_COUNT + entry)
    if (!this.isRepeated(hash)) return this.literal(WITHOUT_INDEXING, 4, staticIndex, value, from, to)
    this.literal(WITH_INDEXING, 6, staticIndex, value, from, to)
    const number = this.table.add(this.name, 0, this.nameLength, value, from, to)
    this.hashes[number & (MAX_ENTRIES - 1)] = hash
  }

  /** One field may not occupy more than half of the table. */
  private mayBeIndexed(valueLength: number): boolean {
    return (this.nameLength + valueLength + ENTRY_OVERHEAD_BYTES) * 2 <= this.table.maxSize
  }

  /** Whether a field with this hash was a literal lately; if not, it is one now. */
  private isRepeated(hash: number): boolean {
    const { recent } = this
    const place = hash & (RECENT - 2)
    if (recent[place] === hash || recent[place + 1] === hash) return true
    recent[place + 1] = recent[place]!
    recent[place] = hash
    return false
  }

  /** @returns the index of the entry that equals the present field, 0 when there is none */
  private entryWith(hash: number, value: Buffer, from: number, to: number): number {
    const { table, hashes } = this
    const { next, count } = table
    for (let index = 1; index <= count; index++)
      if (hashes[(next - index) & (MAX_ENTRIES - 1)] === hash && this.isEntry(index, value, from, to))
        return index
    return 0
  }

  /** Hashes can be the same by chance, or on purpose. */
  private isEntry(entry: number, value: Buffer, from: number, to: number): boolean {
    const { table, nameLength } = this
    const start = table.nameStart(entry)
    const valueStart = table.valueStart(entry)
    if (valueStart - start !== nameLength || table.valueEnd(entry) - valueStart !== to - from) return false
    return (
      isSame(table.bytes, start, this.name, 0, nameLength) &&
      isSame(table.bytes, valueStart, value, from, to - from)
    )
  }

  /** Of a long value only both ends count: what has the same hash is compared. */
  private hashOf(staticIndex: number, value: Buffer, from: number, to: number): number {
    const { name, nameLength } = this
    let hash = HASH_SEED ^ staticIndex ^ ((to - from) << 8)
    if (staticIndex === 0) hash = hashOfRange(name, 0, nameLength, hash)
    if (to - from <= HASHED_START + HASHED_END) hash = hashOfRange(value, from, to, hash)
    else {
      hash = hashOfRange(value, from, from + HASHED_START, hash)
      hash = hashOfRange(value, to - HASHED_END, to, hash)
    }
    return hash ^ (hash >>> 15)
  }

  private literal(
    form: number,
    prefixBits: number,
    staticIndex: number,
    value: Buffer,
    from: number,
    to: number,
  ): void {
    this.integer(form, prefixBits, staticIndex)
    if (staticIndex === 0) this.string(this.name, 0, this.nameLength)
    this.string(value, from, to)
  }

  private string(bytes: Buffer, from: number, to: number): void {
    this.integer(0, 7, to - from)
    this.copy(bytes, from, to)
  }

  private copy(bytes: Buffer, from: number, to: number): void {
    const { out, at } = this
    const length = to - from
    if (length > LOOP_BYTES) bytes.copy(out, at, from, to)
    else for (let index = 0; index < length; index++) out[at + index] = bytes[from + index]!
    this.at = at + length
  }

  /** Writes an integer (RFC 7541 §5.1). @param form bits in front of the prefix */
  private integer(form: number, prefixBits: number, value: number): void {
    const { out } = this
    const max = (1 << prefixBits) - 1
    if (value < max) {
      out[this.at++] = form | value
      return
    }
    out[this.at++] = form | max
    let rest = value - max
    for (; rest >= 0x80; rest >>>= 7) out[this.at++] = (rest & 0x7f) | 0x80
    out[this.at++] = rest
  }
}

const NOTHING = Buffer.alloc(0)
const DIGIT_0 = 0x30

const STATUS_INDICES: ReadonlyMap<number, number> = new Map([
  [200, STATIC.status200],
  [204, STATIC.status204],
  [206, STATIC.status206],
  [304, STATIC.status304],
  [400, STATIC.status400],
  [404, STATIC.status404],
  [500, STATIC.status500],
])

function isCredential(staticIndex: number): boolean {
  return (
    staticIndex === STATIC.cookie ||
    staticIndex === STATIC.setCookie ||
    staticIndex === STATIC.authorization ||
    staticIndex === STATIC.proxyAuthorization
  )
}

function hashOfRange(bytes: Buffer, from: number, to: number, seed: number): number {
  let hash = seed
  for (let index = from; index < to; index++) hash = Math.imul(hash ^ bytes[index]!, HASH_PRIME)
  return hash
}

function lowerCaseOf(byte: number): number {
  return byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte
}

function isSame(a: Buffer, aFrom: number, b: Buffer, bFrom: number, length: number): boolean {
  for (let index = 0; index < length; index++) if (a[aFrom + index] !== b[bFrom + index]) return false
  return true
}
