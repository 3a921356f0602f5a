import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { HpackEncoder, maxBlockBytes } from '../../../src/http2/hpack/hpack-encoder.ts'
import { decoded, newDecoder, type Field } from './decoding.ts'

const TOKEN = '!#$%&*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ'

const names = fc.oneof(
  fc.constantFrom(
    'Content-Type',
    'date',
    'SERVER',
    'cookie',
    'set-cookie',
    'Authorization',
    'x-a',
    'x^a',
    'x~a',
  ),
  fc.string({ unit: fc.constantFrom(...TOKEN.split('')), minLength: 1, maxLength: 40 }),
)
const octets = fc.integer({ min: 0, max: 255 }).map((byte) => String.fromCharCode(byte))
const values = fc.oneof(
  fc.constantFrom('', 'text/html', 'a', 'b', 'x'.repeat(126), 'x'.repeat(127), 'x'.repeat(3000)),
  fc.string({ unit: octets, maxLength: 200 }),
)
const fields = fc.array(fc.tuple(names, values), { maxLength: 20 })
/** A block, or a new SETTINGS_HEADER_TABLE_SIZE of the peer. */
const steps = fc.array(
  fc.oneof({ weight: 5, arbitrary: fields }, { weight: 1, arbitrary: fc.integer({ min: 0, max: 5000 }) }),
  { maxLength: 30 },
)

function encoded(encoder: HpackEncoder, block: readonly Field[]): Buffer {
  const bytes = block.reduce((sum, [name, value]) => sum + name.length + value.length, 0)
  const out = Buffer.alloc(7 + maxBlockBytes(block.length, bytes))
  encoder.begin(out, 7)
  for (const [name, value] of block) {
    const text = Buffer.from(`${name}: ${value}\r\n`, 'latin1')
    encoder.field(text, 0, name.length, text, name.length + 2, text.length - 2)
  }
  expect(encoder.at).toBeLessThanOrEqual(out.length)
  return out.subarray(7, encoder.at)
}

const inLowerCase = (block: readonly Field[]): Field[] =>
  block.map(([name, value]) => [name.toLowerCase(), value])

describe('what was encoded', () => {
  test('is decoded to the same fields, whatever was sent before, and however the size of the table changes', () => {
    fc.assert(
      fc.property(fc.constantFrom(0, 100, 1000, 4096, 8192), steps, (maxTableBytes, all) => {
        const encoder = new HpackEncoder(maxTableBytes)
        const decoder = newDecoder({ maxTableBytes: 5000, maxListBytes: 1e6 })
        for (const step of all) {
          if (typeof step === 'number') {
            encoder.resize(step)
            continue
          }
          const { result, fields: read } = decoded(decoder, encoded(encoder, step))
          expect(result).toBe('complete')
          expect(read).toEqual(inLowerCase(step))
          expect(encoder.tableBytes).toBeLessThanOrEqual(Math.min(maxTableBytes, 5000))
          expect(decoder.tableBytes).toBe(encoder.tableBytes)
        }
      }),
      { numRuns: 300 },
    )
  })
})

describe('arbitrary bytes', () => {
  test('give fields or an end, and never a table or a list beyond its bound', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 10 }), (blocks) => {
        const decoder = newDecoder({ maxTableBytes: 256, maxListBytes: 400 })
        for (const block of blocks) {
          const { result, fields: read } = decoded(decoder, block)
          const listBytes = read.reduce((sum, [name, value]) => sum + name.length + value.length + 32, 0)
          expect(listBytes).toBeLessThanOrEqual(400)
          expect(decoder.tableBytes).toBeLessThanOrEqual(256)
          if (result === 'broken') return
        }
      }),
      { numRuns: 2_000 },
    )
  })

  test('cut off anywhere, a block is broken or gives the fields in front', () => {
    fc.assert(
      fc.property(fields, fc.nat(), (block, cut) => {
        const whole = encoded(new HpackEncoder(4096), block)
        const part = whole.subarray(0, whole.length === 0 ? 0 : cut % whole.length)
        const { fields: read } = decoded(newDecoder({ maxListBytes: 1e6 }), part)
        expect(inLowerCase(block).slice(0, read.length)).toEqual(read)
      }),
    )
  })
})
