import {
  HpackDecoder,
  type DecodeResult,
  type DecoderOptions,
} from '../../../src/http2/hpack/hpack-decoder.ts'
import { HpackScratch } from '../../../src/http2/hpack/hpack-scratch.ts'

export type Field = readonly [name: string, value: string]

export function bytesOf(hex: string): Buffer {
  return Buffer.from(hex.replaceAll(/\s/g, ''), 'hex')
}

export function newDecoder(options: Partial<DecoderOptions> = {}): HpackDecoder {
  return new HpackDecoder({
    maxTableBytes: 4096,
    maxListBytes: 16_384,
    scratch: new HpackScratch(),
    ...options,
  })
}

/** Decodes a block that lies between other bytes. @returns the fields handed over, and what became of the block */
export function decoded(decoder: HpackDecoder, block: Uint8Array): { fields: Field[]; result: DecodeResult } {
  const fields: Field[] = []
  const text = (bytes: Uint8Array, from: number, to: number): string =>
    Buffer.from(bytes.subarray(from, to)).toString('latin1')
  const sink = {
    field(name: Uint8Array, nameFrom: number, nameTo: number, value: Uint8Array, from: number, to: number) {
      fields.push([text(name, nameFrom, nameTo), text(value, from, to)])
    },
  }
  const bytes = Buffer.concat([Buffer.from('<<'), block, Buffer.from('>>')])
  return { result: decoder.decode(bytes, 2, 2 + block.length, sink), fields }
}
