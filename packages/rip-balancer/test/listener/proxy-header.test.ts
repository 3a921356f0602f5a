import { describe, expect, test } from 'bun:test'
import { INCOMPLETE, REFUSED } from '../../src/http1/field-section.ts'
import type { NodeAddress } from '../../src/address/node-address.ts'
import { ProxyHeader } from '../../src/listener/proxy-header.ts'
import { bytes, splits } from '../http1/feeding.ts'

const SIGNATURE = '\r\n\r\n\0\r\nQUIT\n'

function feed(pieces: readonly Buffer[]): { source: NodeAddress | undefined; at: number } {
  const header = new ProxyHeader()
  let before = 0
  for (const piece of pieces) {
    const at = header.feed(piece, 0)
    if (at !== INCOMPLETE) return { source: header.source, at: at < 0 ? at : before + at }
    before += piece.length
  }
  return { source: header.source, at: INCOMPLETE }
}

const accepted: [name: string, raw: string, source: NodeAddress | undefined][] = [
  [
    'version 1, IPv4',
    'PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n',
    { address: '192.0.2.1', port: 56324 },
  ],
  [
    'version 1, IPv6',
    'PROXY TCP6 2001:db8::1 2001:db8::2 56324 443\r\n',
    { address: '2001:db8::1', port: 56324 },
  ],
  [
    'version 1, IPv4 mapped into IPv6',
    'PROXY TCP6 ::FFFF:192.0.2.1 0:0:0:0:0:ffff:c633:6401 56324 443\r\n',
    { address: '192.0.2.1', port: 56324 },
  ],
  [
    'version 2, IPv4 mapped into IPv6',
    `${SIGNATURE}\x21\x21\x00\x24${'\0'.repeat(10)}\xff\xff\xc0\x00\x02\x01${'\0'.repeat(16)}\0\x01\0\x02`,
    { address: '192.0.2.1', port: 1 },
  ],
  ['version 1, unknown', 'PROXY UNKNOWN\r\n', undefined],
  [
    'version 2, IPv4',
    `${SIGNATURE}\x21\x11\x00\x0c\xc0\x00\x02\x01\xc6\x33\x64\x01\xdc\x04\x01\xbb`,
    { address: '192.0.2.1', port: 56324 },
  ],
  [
    'version 2, IPv6',
    `${SIGNATURE}\x21\x21\x00\x24\x20\x01\x0d\xb8${'\0'.repeat(11)}\x01${'\0'.repeat(16)}\0\x01\0\x02`,
    { address: '2001:db8::1', port: 1 },
  ],
  ['version 2, local', `${SIGNATURE}\x20\x00\x00\x00`, undefined],
  [
    'version 2 with more behind the address',
    `${SIGNATURE}\x21\x11\x00\x0f\xc0\x00\x02\x01\xc6\x33\x64\x01\xdc\x04\x01\xbb\x04\x00\x00`,
    { address: '192.0.2.1', port: 56324 },
  ],
]

const refused: [name: string, raw: string][] = [
  ['a request without the header', 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'],
  ['an address of the other family', 'PROXY TCP4 2001:db8::1 2001:db8::2 1 2\r\n'],
  ['a port beyond 65535', 'PROXY TCP4 192.0.2.1 192.0.2.2 65536 2\r\n'],
  ['a missing port', 'PROXY TCP4 192.0.2.1 192.0.2.2 1\r\n'],
  ['a line that never ends', `PROXY TCP4 ${'1'.repeat(120)}`],
  ['version 2 with an unknown version', `${SIGNATURE}\x31\x11\x00\x00`],
  ['version 2 that is too short for its family', `${SIGNATURE}\x21\x11\x00\x04\xc0\x00\x02\x01`],
]

describe('a PROXY header is read, wherever the input is split:', () => {
  for (const [name, raw, source] of accepted)
    test(name, () => {
      for (const pieces of splits(bytes(raw))) expect(feed(pieces)).toEqual({ source, at: raw.length })
    })
})

describe('a PROXY header is refused, wherever the input is split:', () => {
  for (const [name, raw] of refused)
    test(name, () => {
      for (const pieces of splits(bytes(raw))) expect(feed(pieces).at).toBe(REFUSED)
    })
})
