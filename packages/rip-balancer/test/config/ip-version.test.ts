import { expect, test } from 'bun:test'
import { isIP } from 'node:net'
import fc from 'fast-check'
import { ipVersion } from '../../src/address/ip-version.ts'

const pieces = fc.constantFrom(
  '::',
  ':',
  '0',
  '1',
  'ffff',
  'FE80',
  '12345',
  'g',
  '1.2.3.4',
  '256.1.1.1',
  '01.2.3.4',
  '%',
  '%lo',
  '.',
  ' ',
)
const almostAddresses = fc.array(pieces, { maxLength: 18 }).map((parts) => parts.join(''))
const groups = fc
  .array(fc.constantFrom('0', 'a', 'abcd', '12345', '', '1.2.3.4'), { maxLength: 9 })
  .map((parts) => parts.join(':'))
const zones = fc
  .tuple(fc.ipV6(), fc.constantFrom('', '%', '%eth0', '%a b', '%1%2', '%é'))
  .map((parts) => parts.join(''))

test('an address has the version node:net says', () => {
  const texts = fc.oneof(fc.ipV4(), fc.ipV4Extended(), fc.ipV6(), zones, almostAddresses, groups, fc.string())
  fc.assert(
    fc.property(texts, (text) => expect([text, ipVersion(text)]).toEqual([text, isIP(text) as 0])),
    { numRuns: 5_000 },
  )
})

test.each([
  '',
  ':',
  '::',
  ':::',
  '1::',
  '::1',
  '1.2.3.4',
  '1.2.3.4.',
  '.1.2.3.4',
  '1.2.3',
  '::ffff:1.2.3.4',
  '1.2.3.4::',
  '1:2:3:4:5:6:7::',
  '1:2:3:4:5:6:7:8::',
  '::1:2:3:4:5:6:7:8',
  '1:2:3:4:5:6:1.2.3.4',
  '::%',
  'fe80::1%eth0',
  '1.2.3.4%eth0',
  '1.2.3.4\n',
  '::1\n',
])('%j likewise', (text) => expect(ipVersion(text)).toBe(isIP(text) as 0))
