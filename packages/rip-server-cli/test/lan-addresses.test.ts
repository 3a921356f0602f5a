import { describe, expect, test } from 'bun:test'
import type { NetworkInterfaceInfo } from 'node:os'
import { lanAddresses } from '../src/terminal/lan-addresses.ts'

function ipv4(address: string, internal = false): NetworkInterfaceInfo {
  return { address, family: 'IPv4', internal, netmask: '255.255.255.0', mac: '', cidr: null }
}

function ipv6(address: string): NetworkInterfaceInfo {
  return { address, family: 'IPv6', internal: false, netmask: 'ffff::', mac: '', cidr: null, scopeid: 0 }
}

const machine = {
  lo: [ipv4('127.0.0.1', true)],
  docker0: [ipv4('172.17.0.1')],
  tun0: [ipv4('10.8.0.2')],
  wlan0: [ipv4('192.168.1.7'), ipv6('fe80::1'), ipv6('2001:db8::7')],
  usb0: [ipv4('169.254.3.4')],
}
const hosts = (host: string, interfaces: NodeJS.Dict<NetworkInterfaceInfo[]>, main?: string): string[] =>
  lanAddresses(host, interfaces, main).map((each) => each.host)

describe('the addresses for other machines', () => {
  test('begin with that of the interface to the Internet, without those only this machine reaches', () => {
    expect(hosts('0.0.0.0', machine, 'wlan0')).toEqual(['192.168.1.7', '10.8.0.2'])
    expect(hosts('0.0.0.0', machine)).toEqual(['10.8.0.2', '192.168.1.7'])
  })

  test('have IPv6 where it is listened to, without link-local ones', () => {
    expect(hosts('::', machine, 'wlan0')).toEqual(['192.168.1.7', '[2001:db8::7]', '10.8.0.2'])
  })

  test('are of a network with containers if there is no other', () => {
    expect(hosts('0.0.0.0', { docker0: machine.docker0 })).toEqual(['172.17.0.1'])
  })

  test('are none for a server that listens on one address', () => {
    expect(hosts('127.0.0.1', machine, 'wlan0')).toEqual([])
  })
})
