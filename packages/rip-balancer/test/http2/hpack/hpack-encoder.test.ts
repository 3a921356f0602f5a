import { describe, expect, test } from 'bun:test'
import { HpackEncoder } from '../../../src/http2/hpack/hpack-encoder.ts'
import { decoded, newDecoder } from './decoding.ts'

const out = Buffer.alloc(8192)

function blockOf(encoder: HpackEncoder, ...fields: (readonly [name: string, value: string])[]): Buffer {
  encoder.begin(out, 0)
  for (const [name, value] of fields)
    encoder.field(Buffer.from(name), 0, name.length, Buffer.from(value), 0, value.length)
  return Buffer.from(out.subarray(0, encoder.at))
}

describe('a field', () => {
  test('is a literal the first time, an entry the second, and one octet from then on', () => {
    const encoder = new HpackEncoder(4096)
    const sizes = [1, 2, 3, 4].map(() => blockOf(encoder, ['X-Powered-By', 'rip']).length)
    expect(sizes).toEqual([18, 18, 1, 1])
    expect(encoder.tableBytes).toBe(32 + 15)
  })

  test('that does not return leaves the table as it is', () => {
    const encoder = new HpackEncoder(4096)
    for (let id = 0; id < 1000; id++) blockOf(encoder, ['x-request-id', `id-${id}`])
    expect(encoder.tableBytes).toBe(0)
  })

  test('with a name of the static table costs two octets for the name', () => {
    expect(blockOf(new HpackEncoder(4096), ['Content-Type', 'a'])).toHaveLength(2 + 1 + 1)
  })

  for (const name of ['Cookie', 'Set-Cookie', 'Authorization', 'Proxy-Authorization'])
    test(`${name} is never indexed, however often it returns`, () => {
      const encoder = new HpackEncoder(4096)
      for (let round = 0; round < 3; round++) expect(blockOf(encoder, [name, 'secret'])[0]! & 0xf0).toBe(0x10)
      expect(encoder.tableBytes).toBe(0)
    })

  test('of more than half the table is not indexed', () => {
    const encoder = new HpackEncoder(4096)
    for (let round = 0; round < 3; round++) blockOf(encoder, ['x-policy', 'x'.repeat(2100)])
    expect(encoder.tableBytes).toBe(0)
  })
})

describe('a status', () => {
  test('is one octet where the static table has it, and three digits elsewhere', () => {
    const encoder = new HpackEncoder(4096)
    const decoder = newDecoder()
    for (let code = 100; code < 600; code++) {
      encoder.begin(out, 0)
      encoder.status(code)
      const block = out.subarray(0, encoder.at)
      expect(block.length).toBe([200, 204, 206, 304, 400, 404, 500].includes(code) ? 1 : 5)
      expect(decoded(decoder, block).fields).toEqual([[':status', String(code)]])
    }
  })
})

describe('the size of the table', () => {
  test('is said once when less is used than the peer offers', () => {
    const encoder = new HpackEncoder(0)
    expect(blockOf(encoder).toString('hex')).toBe('20')
    expect(blockOf(encoder)).toHaveLength(0)
  })

  test('that went down and up again is said as both', () => {
    const encoder = new HpackEncoder(4096)
    encoder.resize(10)
    encoder.resize(1337)
    expect(blockOf(encoder).toString('hex')).toBe('2a3f9a0a')
  })

  test('is not said when nothing has changed', () => {
    const encoder = new HpackEncoder(4096)
    encoder.resize(65_536)
    expect(blockOf(encoder)).toHaveLength(0)
  })
})
