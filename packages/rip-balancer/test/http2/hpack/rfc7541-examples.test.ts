/** The examples of RFC 7541, appendix C, with the sizes of the table they give. */
import { describe, expect, test } from 'bun:test'
import { HpackEncoder } from '../../../src/http2/hpack/hpack-encoder.ts'
import { STATIC } from '../../../src/http2/hpack/static-table.ts'
import { bytesOf, decoded, newDecoder, type Field } from './decoding.ts'

interface Example {
  readonly block: string
  readonly fields: readonly Field[]
  readonly tableBytes: number
}

function decodes(examples: readonly Example[], maxTableBytes = 4096): void {
  const decoder = newDecoder({ maxTableBytes })
  for (const { block, fields, tableBytes } of examples) {
    expect(decoded(decoder, bytesOf(block))).toEqual({ result: 'complete', fields: [...fields] })
    expect(decoder.tableBytes).toBe(tableBytes)
  }
}

const get = (scheme: string, path: string): readonly Field[] => [
  [':method', 'GET'],
  [':scheme', scheme],
  [':path', path],
  [':authority', 'www.example.com'],
]
const requests: readonly (Omit<Example, 'block'> & { plain: string; coded: string })[] = [
  {
    plain: '8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d',
    coded: '8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff',
    fields: get('http', '/'),
    tableBytes: 57,
  },
  {
    plain: '8286 84be 5808 6e6f 2d63 6163 6865',
    coded: '8286 84be 5886 a8eb 1064 9cbf',
    fields: [...get('http', '/'), ['cache-control', 'no-cache']],
    tableBytes: 110,
  },
  {
    plain: '8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65',
    coded: '8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf',
    fields: [...get('https', '/index.html'), ['custom-key', 'custom-value']],
    tableBytes: 164,
  },
]

const response = (status: string, date: string): readonly Field[] => [
  [':status', status],
  ['cache-control', 'private'],
  ['date', date],
  ['location', 'https://www.example.com'],
]
const responses: readonly (Omit<Example, 'block'> & { plain: string; coded: string })[] = [
  {
    plain: `4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a
            3133 3a32 3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d`,
    coded: `4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e
            919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3`,
    fields: response('302', 'Mon, 21 Oct 2013 20:13:21 GMT'),
    tableBytes: 222,
  },
  {
    plain: '4803 3330 37c1 c0bf',
    coded: '4883 640e ffc1 c0bf',
    fields: response('307', 'Mon, 21 Oct 2013 20:13:21 GMT'),
    tableBytes: 222,
  },
  {
    plain: `88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04
            677a 6970 7738 666f 6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49
            553b 206d 6178 2d61 6765 3d33 3630 303b 2076 6572 7369 6f6e 3d31`,
    coded: `88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7
            821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed
            4ee5 b106 3d50 07`,
    fields: [
      ...response('200', 'Mon, 21 Oct 2013 20:13:22 GMT'),
      ['content-encoding', 'gzip'],
      ['set-cookie', 'foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1'],
    ],
    tableBytes: 215,
  },
]

describe('C.1, integers', () => {
  test('1337 in five bits: a table of that size is taken where it is allowed, and not where it is one too many', () => {
    expect(decoded(newDecoder({ maxTableBytes: 1337 }), bytesOf('3f9a0a')).result).toBe('complete')
    expect(decoded(newDecoder({ maxTableBytes: 1336 }), bytesOf('3f9a0a')).result).toBe('broken')
  })

  test('10 in five bits', () => {
    expect(decoded(newDecoder({ maxTableBytes: 10 }), bytesOf('2a')).result).toBe('complete')
    expect(decoded(newDecoder({ maxTableBytes: 9 }), bytesOf('2a')).result).toBe('broken')
  })

  test('the encoder writes both the same way', () => {
    for (const [size, hex] of [
      [1337, '3f9a0a'],
      [10, '2a'],
    ] as const) {
      const encoder = new HpackEncoder(size)
      const out = Buffer.alloc(16)
      encoder.begin(out, 0)
      expect(out.toString('hex', 0, encoder.at)).toBe(hex)
    }
  })
})

describe('C.2, one field', () => {
  test('a literal with indexing', () => {
    const block = '400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572'
    decodes([{ block, fields: [['custom-key', 'custom-header']], tableBytes: 55 }])
  })

  test('a literal without indexing, with a name that is indexed', () => {
    decodes([
      { block: '040c 2f73 616d 706c 652f 7061 7468', fields: [[':path', '/sample/path']], tableBytes: 0 },
    ])
  })

  test('a literal never to be indexed', () => {
    decodes([
      {
        block: '1008 7061 7373 776f 7264 0673 6563 7265 74',
        fields: [['password', 'secret']],
        tableBytes: 0,
      },
    ])
  })

  test('an index, which the encoder writes the same way', () => {
    decodes([{ block: '82', fields: [[':method', 'GET']], tableBytes: 0 }])
    const encoder = new HpackEncoder(4096)
    const out = Buffer.alloc(16)
    encoder.begin(out, 0)
    encoder.indexed(STATIC.get)
    expect(out.toString('hex', 0, encoder.at)).toBe('82')
  })
})

describe('one block after the other', () => {
  test('C.3, requests', () => {
    decodes(requests.map(({ plain, ...rest }) => ({ ...rest, block: plain })))
  })

  test('C.4, requests in Huffman code', () => {
    decodes(requests.map(({ coded, ...rest }) => ({ ...rest, block: coded })))
  })

  test('C.5, responses, which push each other out of a table of 256 bytes', () => {
    decodes(
      responses.map(({ plain, ...rest }) => ({ ...rest, block: plain })),
      256,
    )
  })

  test('C.6, responses in Huffman code', () => {
    decodes(
      responses.map(({ coded, ...rest }) => ({ ...rest, block: coded })),
      256,
    )
  })
})
