import { DynamicTable, ENTRY_OVERHEAD_BYTES } from './dynamic-table.ts'
import type { FieldSink } from './field-sink.ts'
import type { HpackScratch } from './hpack-scratch.ts'
import { maxDecodedBytes } from './huffman-decoder.ts'
import { STATIC_TABLE } from './static-table.ts'

/**
 * What became of a block. After `too-large` the table is in step and other blocks may follow; after `broken` nothing can,
 * which is a COMPRESSION_ERROR of the connection (RFC 9113 §4.3).
 */
export type DecodeResult = 'complete' | 'too-large' | 'broken'

export interface DecoderOptions {
  /** Our SETTINGS_HEADER_TABLE_SIZE. */
  readonly maxTableBytes: number
  /** Our SETTINGS_MAX_HEADER_LIST_SIZE: names, values, and 32 for each field (RFC 9113 §6.5.2). */
  readonly maxListBytes: number
  readonly scratch: HpackScratch
}

const INDEXED = 0x80
const WITH_INDEXING = 0x40
const SIZE_UPDATE = 0x20
const HUFFMAN = 0x80
const STATIC_COUNT = STATIC_TABLE.length - 1
/** A size may be changed twice between two blocks: to the least of the values there were, then to the last (RFC 7541 §4.2). */
const MAX_SIZE_UPDATES = 2
/** Octets behind the prefix of an integer; more would only be zeros, or a number beyond all bounds here. */
const MAX_INTEGER_BYTES = 4
/** Says, as a position in the block, that it is broken. */
const BROKEN = -1

/**
 * Decodes the header blocks of one direction of a connection (RFC 7541). A block costs what its bytes cost: an index
 * is a call, however long its entry, and when the list has become larger than it may be only the table is kept in step.
 */
export class HpackDecoder {
  private readonly maxTableBytes: number
  private readonly maxListBytes: number
  private readonly scratch: HpackScratch
  private readonly table: DynamicTable
  private block: Buffer = NOTHING
  private at = 0
  private end = 0
  private sink: FieldSink | undefined
  private listBytes = 0
  private sizeUpdates = 0
  private hasUsedTable = false
  /** Bytes of the scratch buffer that hold strings of the present field. */
  private used = 0
  private name: Buffer = NOTHING
  private nameFrom = 0
  private nameTo = 0
  private value: Buffer = NOTHING
  private valueFrom = 0
  private valueTo = 0

  constructor({ maxTableBytes, maxListBytes, scratch }: DecoderOptions) {
    this.maxTableBytes = maxTableBytes
    this.maxListBytes = maxListBytes
    this.scratch = scratch
    this.table = new DynamicTable(maxTableBytes)
  }

  /** Size of the dynamic table as RFC 7541 §4.1 counts it. */
  get tableBytes(): number {
    return this.table.size
  }

  /** Whether the last block read or changed the dynamic table: if not, the same bytes mean the same at any time. */
  get usedTable(): boolean {
    return this.hasUsedTable
  }

  /**
   * Decodes the complete block `block[from, to)`. Each field is handed to the sink as soon as it is read, until one does
   * not fit into the list any more.
   */
  decode(block: Buffer, from: number, to: number, sink: FieldSink): DecodeResult {
    this.block = block
    this.at = from
    this.end = to
    this.sink = sink
    this.listBytes = this.sizeUpdates = 0
    this.hasUsedTable = false
    while (this.at < this.end) {
      this.next(block[this.at]!)
      if (this.at === BROKEN) break
    }
    const isTooLarge = this.sink === undefined
    this.forget()
    if (this.at === BROKEN) return 'broken'
    return isTooLarge ? 'too-large' : 'complete'
  }

  /** Does not keep the memory of what was read. */
  private forget(): void {
    this.sink = undefined
    this.block = this.name = this.value = NOTHING
  }

  private next(first: number): void {
    if (first >= INDEXED) return this.indexed()
    if (first >= WITH_INDEXING) return this.literalWithIndexing()
    if (first >= SIZE_UPDATE) return this.updateSize()
    if (this.literal(4)) this.emit()
  }

  private indexed(): void {
    const index = this.integer(7)
    if (index <= 0 || !this.takeName(index)) return this.refuse()
    this.takeValue(index)
    this.emit()
  }

  private literalWithIndexing(): void {
    if (!this.literal(6)) return
    this.emit()
    if (this.table.maxSize > 0) this.hasUsedTable = true
    this.table.add(this.name, this.nameFrom, this.nameTo, this.value, this.valueFrom, this.valueTo)
  }

  private updateSize(): void {
    const isInFront = this.listBytes === 0
    const size = this.integer(5)
    if (!isInFront || ++this.sizeUpdates > MAX_SIZE_UPDATES || size < 0 || size > this.maxTableBytes)
      return this.refuse()
    this.hasUsedTable = true
    this.table.resize(size)
  }

  /** Reads name and value of a literal. @returns whether they are well formed */
  private literal(prefixBits: number): boolean {
    this.used = 0
    const index = this.integer(prefixBits)
    if (index < 0) return this.refused()
    if (index === 0) {
      if (!this.string()) return this.refused()
      this.name = this.value
      this.nameFrom = this.valueFrom
      this.nameTo = this.valueTo
    } else if (!this.takeName(index)) return this.refused()
    else if (index > STATIC_COUNT) this.saveName()
    return this.string() || this.refused()
  }

  /** Points to the name of an entry. @returns whether there is one */
  private takeName(index: number): boolean {
    if (index <= STATIC_COUNT) {
      const { name } = STATIC_TABLE[index]!
      this.name = name
      this.nameFrom = 0
      this.nameTo = name.length
      return true
    }
    const { table } = this
    const entry = index - STATIC_COUNT
    if (entry > table.count) return false
    this.hasUsedTable = true
    this.name = table.bytes
    this.nameFrom = table.nameStart(entry)
    this.nameTo = table.nameEnd(entry)
    return true
  }

  private takeValue(index: number): void {
    if (index <= STATIC_COUNT) {
      const { value } = STATIC_TABLE[index]!
      this.value = value
      this.valueFrom = 0
      this.valueTo = value.length
      return
    }
    const { table } = this
    this.value = table.bytes
    this.valueFrom = table.valueStart(index - STATIC_COUNT)
    this.valueTo = table.valueEnd(index - STATIC_COUNT)
  }

  /** The entry it belongs to may be evicted when the field is added to the table. */
  private saveName(): void {
    const { scratch } = this
    const length = this.nameTo - this.nameFrom
    scratch.reserve(length)
    this.name.copy(scratch.bytes, 0, this.nameFrom, this.nameTo)
    this.name = scratch.bytes
    this.nameFrom = 0
    this.nameTo = this.used = length
  }

  /** Hands the field over, as long as the list is not too large. Each field counts, so that `listBytes` tells whether there was one. */
  private emit(): void {
    this.listBytes += this.nameTo - this.nameFrom + this.valueTo - this.valueFrom + ENTRY_OVERHEAD_BYTES
    if (this.listBytes > this.maxListBytes) this.sink = undefined
    this.sink?.field(this.name, this.nameFrom, this.nameTo, this.value, this.valueFrom, this.valueTo)
  }

  /** Reads a string into `value` (RFC 7541 §5.2). @returns whether it is well formed */
  private string(): boolean {
    if (this.at >= this.end) return false
    const isCoded = this.block[this.at]! >= HUFFMAN
    const length = this.integer(7)
    if (length < 0 || length > this.end - this.at) return false
    const from = this.at
    this.at = from + length
    if (isCoded) return this.decodeString(from, this.at)
    this.value = this.block
    this.valueFrom = from
    this.valueTo = this.at
    return true
  }

  private decodeString(from: number, to: number): boolean {
    const { scratch, used } = this
    // A name that lies in it stays valid where it is, as buffers that became too small are not changed any more.
    scratch.reserve(used + maxDecodedBytes(to - from))
    this.value = scratch.bytes
    this.valueFrom = used
    this.valueTo = this.used = scratch.huffman.decode(this.block, from, to, scratch.bytes, used)
    return this.valueTo >= 0
  }

  /** Reads an integer (RFC 7541 §5.1). @returns -1 when it is not complete, or longer than any that is needed */
  private integer(prefixBits: number): number {
    const { block, end } = this
    const max = (1 << prefixBits) - 1
    const prefix = block[this.at++]! & max
    if (prefix < max) return prefix
    let value = max
    for (let shift = 0; shift < MAX_INTEGER_BYTES * 7; shift += 7) {
      if (this.at >= end) return -1
      const byte = block[this.at++]!
      value += (byte & 0x7f) << shift
      if (byte < 0x80) return value
    }
    return -1
  }

  private refused(): false {
    this.refuse()
    return false
  }

  private refuse(): void {
    this.at = BROKEN
  }
}

const NOTHING = Buffer.alloc(0)
