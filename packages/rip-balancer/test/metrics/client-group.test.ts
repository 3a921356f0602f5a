import { expect, test } from 'bun:test'
import { CLIENT_GROUPS, clientGroup } from '../../src/metrics/client-group.ts'

test('all addresses of an IPv6 network of 64 bits are one client', () => {
  const one = clientGroup('2001:db8:1:2:3:4:5:6')
  for (const address of ['2001:db8:1:2::', '2001:db8:1:2::1', '2001:db8:1:2:ffff::9'])
    expect(clientGroup(address)).toBe(one)
  expect(clientGroup('2001:db8::1')).toBe(clientGroup('2001:db8:0:0:9::'))
  expect(clientGroup('::1')).toBe(clientGroup('0:0:0:0:1::'))
})

test('other networks and other IPv4 addresses are other clients, as far as group numbers suffice', () => {
  const groups = new Set(Array.from({ length: 200 }, (_, n) => clientGroup(`192.0.2.${n}`)))
  expect(groups.size).toBeGreaterThan(100)
  const networks = new Set(
    Array.from({ length: 200 }, (_, n) => clientGroup(`2001:db8:${n.toString(16)}::1`)),
  )
  expect(networks.size).toBeGreaterThan(100)
  for (const group of [...groups, ...networks, clientGroup('unix'), clientGroup('')]) {
    expect(group).toBeGreaterThanOrEqual(0)
    expect(group).toBeLessThan(CLIENT_GROUPS)
  }
})
