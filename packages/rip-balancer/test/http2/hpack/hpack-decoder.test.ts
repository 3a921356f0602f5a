import { describe, expect, test } from 'bun:test'
import { NO_SINK } from '../../../src/http2/hpack/field-sink.ts'
import { bytesOf, decoded, newDecoder, type Field } from './decoding.ts'

const broken: [name: string, hex: string][] = [
  ['index 0', '80'],
  ['an index beyond both tables', 'be'],
  ['a name beyond both tables', '7f00 0161'],
  ['an index that is cut off', 'ff'],
  ['an index that goes on and on', 'ff80 8080 8080 00'],
  ['an index beyond all bounds', 'ffff ffff ffff 7f'],
  ['a literal without a name', '40'],
  ['a literal without a value', '4001 61'],
  ['a name that is cut off', '4003 6161'],
  ['a value that is cut off', '0403 6161'],
  ['a length that is cut off', '047f'],
  ['a length beyond all bounds', '047f ffff ffff 7f'],
  ['padding of zeros', '0481 18'],
  ['padding of eight bits', '0482 1fff'],
  ['padding of thirty bits', '0484 ffff ffff'],
  ['EOS in a value', '0488 3fff ffff ff1f ffff'],
  ['a code that is cut off', '0482 fffe'],
  ['a size beyond the one that was announced', '3fe2 1f'],
  ['a size behind a field', '8220'],
  ['three sizes in a row', '2020 20'],
]

describe('a block ends the connection with', () => {
  for (const [name, hex] of broken)
    test(name, () => {
      expect(decoded(newDecoder(), bytesOf(hex)).result).toBe('broken')
    })
})

const complete: [name: string, hex: string, fields: Field[]][] = [
  ['nothing in it', '', []],
  ['an empty name, which is for the sink to refuse', '0000 0161', [['', 'a']]],
  ['an empty value', '0400', [[':path', '']]],
  ['an empty value in Huffman code', '0480', [[':path', '']]],
  ['two sizes in front', '203f e11f 82', [[':method', 'GET']]],
  ['a length with zeros behind it', '047f 8100 '.concat('61'.repeat(128)), [[':path', 'a'.repeat(128)]]],
  ['a size and no field', '20', []],
]

describe('a block may have', () => {
  for (const [name, hex, fields] of complete)
    test(name, () => {
      expect(decoded(newDecoder(), bytesOf(hex))).toEqual({ result: 'complete', fields })
    })
})

test('every octet has a code, and padding may have up to seven ones', () => {
  // Codes of eight bits leave no padding, those of five up to three ones, and so on; `&` in eight bits is 0xf8.
  expect(decoded(newDecoder(), bytesOf('0481 f8')).fields).toEqual([[':path', '&']])
  // `0` is 00000: three ones follow. `000` are 15 bits, one follows. `00000000` are 40 bits.
  expect(decoded(newDecoder(), bytesOf('0481 07')).fields).toEqual([[':path', '0']])
  expect(decoded(newDecoder(), bytesOf('0482 0001')).fields).toEqual([[':path', '000']])
  expect(decoded(newDecoder(), bytesOf('0485 0000 0000 00')).fields).toEqual([[':path', '00000000']])
  // `?` is 1111111100: 16 − 10 bits follow. `\0` is 1111111111000: three.
  expect(decoded(newDecoder(), bytesOf('0482 ff3f')).fields).toEqual([[':path', '?']])
  expect(decoded(newDecoder(), bytesOf('0482 ffc7')).fields).toEqual([[':path', '\0']])
})

describe('a list that becomes too large', () => {
  const field = `4001 61 7f00${'78'.repeat(127)}`

  test('is handed over up to there; the table follows the whole block', () => {
    const decoder = newDecoder({ maxListBytes: 320 })
    const first = decoded(decoder, bytesOf(`${field} be be be`))
    expect(first.result).toBe('too-large')
    expect(first.fields).toEqual([
      ['a', 'x'.repeat(127)],
      ['a', 'x'.repeat(127)],
    ])
    expect(decoded(decoder, bytesOf('82 82')).fields).toHaveLength(2)
    const late = decoded(decoder, bytesOf('be be be 4001 620163'))
    expect(late.result).toBe('too-large')
    expect(decoded(decoder, bytesOf('be')).fields).toEqual([['b', 'c']])
  })

  test('still has to be well formed', () => {
    expect(decoded(newDecoder({ maxListBytes: 10 }), bytesOf('82 82 80')).result).toBe('broken')
  })

  test('costs no more than its bytes: two megabytes of indices of a field of 4,000 bytes are not expanded', () => {
    const decoder = newDecoder()
    decoded(decoder, Buffer.concat([bytesOf('4001 61 7fa1 1e'), Buffer.alloc(4000, 'x')]))
    let bytes = 0
    const sink = {
      field(
        _name: Uint8Array,
        nameFrom: number,
        nameTo: number,
        _value: Uint8Array,
        from: number,
        to: number,
      ) {
        bytes += nameTo - nameFrom + to - from
      },
    }
    const bomb = Buffer.alloc(2_000_000, 0xbe)
    expect(decoder.decode(bomb, 0, bomb.length, sink)).toBe('too-large')
    expect(bytes).toBeLessThanOrEqual(16_384)
    expect(decoder.tableBytes).toBeLessThanOrEqual(4096)
  })
})

describe('the table', () => {
  test('follows the blocks whose fields nobody needs', () => {
    const decoder = newDecoder()
    const block = bytesOf('4001 61 0162')
    expect(decoder.decode(block, 0, block.length, NO_SINK)).toBe('complete')
    expect(decoded(decoder, bytesOf('be')).fields).toEqual([['a', 'b']])
  })

  test('is emptied by a size of zero, and by a field that does not fit', () => {
    const decoder = newDecoder({ maxTableBytes: 100 })
    decoded(decoder, bytesOf('4001 61 0162'))
    expect(decoder.tableBytes).toBe(34)
    expect(decoded(decoder, bytesOf('203f 45')).result).toBe('complete')
    expect(decoder.tableBytes).toBe(0)
    decoded(decoder, bytesOf('4001 61 0162'))
    expect(decoded(decoder, bytesOf(`4001 61 45${'78'.repeat(69)}`)).fields).toHaveLength(1)
    expect(decoder.tableBytes).toBe(0)
    expect(decoded(decoder, bytesOf('be')).result).toBe('broken')
  })

  test('gives its name to a field that pushes that name out', () => {
    const decoder = newDecoder({ maxTableBytes: 100 })
    decoded(decoder, bytesOf(`4004 6e61 6d65 0162`))
    const long = `7e3c${'78'.repeat(60)}`
    expect(decoded(decoder, bytesOf(long)).fields).toEqual([['name', 'x'.repeat(60)]])
    expect(decoded(decoder, bytesOf('be')).fields).toEqual([['name', 'x'.repeat(60)]])
    expect(decoder.tableBytes).toBe(96)
  })
})

test('a block says whether the table has to do with it: a reference, a new entry, another size', () => {
  const decoder = newDecoder()
  const uses = (hex: string): boolean => {
    expect(decoded(decoder, bytesOf(hex)).result).toBe('complete')
    return decoder.usedTable
  }
  // `:status: 200`; `a: b` without and with an entry; that entry; a table of no size; `a: b` to it.
  const blocks = ['88', '00 01 61 01 62', '40 01 61 01 62', 'be', '20 88', '40 01 61 01 62', '88']
  expect(blocks.map(uses)).toEqual([false, false, true, true, true, false, false])
})
