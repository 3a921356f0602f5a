import { expect, test } from 'bun:test'
import { networkOf } from '../../src/address/address-network.ts'
import { ConnectionCounts } from '../../src/exchange/connection-counts.ts'
import { DEFAULT_LIMITS } from '../../src/defaults.ts'

test.each([
  ['192.0.2.1', '192.0.2.1'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:db8:1:2::6', '2001:db8:1:2::/64'],
  ['2001:db8::6', '2001:db8:0:0::/64'],
  ['2001:db8::', '2001:db8:0:0::/64'],
  ['::1', '0:0:0:0::/64'],
  ['::', '0:0:0:0::/64'],
  ['fe80::1:2:3:4', 'fe80:0:0:0::/64'],
])('%s is of %s', (address, network) => {
  expect(networkOf(address)).toBe(network)
})

test('the addresses of one IPv6 network count together, also when they close', () => {
  const counts = new ConnectionCounts()
  const limits = { ...DEFAULT_LIMITS, maxConnectionsPerAddress: 2 }
  expect(counts.open('2001:db8::1', limits)).toBeUndefined()
  expect(counts.open('2001:db8::2', limits)).toBeUndefined()
  expect(counts.open('2001:db8::3', limits)).toBe('refused-address')
  expect(counts.open('2001:db8:0:1::1', limits)).toBeUndefined()
  counts.close('2001:db8::2')
  expect(counts.open('2001:db8::3', limits)).toBeUndefined()
})
