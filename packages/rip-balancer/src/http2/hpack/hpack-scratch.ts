import { HuffmanDecoder } from './huffman-decoder.ts'

const FIRST_BYTES = 4096

/** What the decoders of all connections share, as a block is decoded in one go: strings that came in Huffman code, and how those are read. */
export class HpackScratch {
  bytes: Buffer = Buffer.alloc(0)
  readonly huffman: HuffmanDecoder = new HuffmanDecoder()

  /** Makes room for so many bytes; what was there is kept. */
  reserve(length: number): void {
    if (length <= this.bytes.length) return
    const { bytes } = this
    this.bytes = Buffer.allocUnsafeSlow(Math.max(FIRST_BYTES, length * 2))
    bytes.copy(this.bytes)
  }
}
