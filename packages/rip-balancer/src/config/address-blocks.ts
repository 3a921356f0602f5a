import type { BlockList } from 'node:net'
import { canonical, plainAddress } from '../address/node-address.ts'
import type { AddressSet } from '../settings/forwarding.ts'
import { ipVersion } from '../address/ip-version.ts'

/** Bits in front of an IPv4 address that is mapped into IPv6 (RFC 4291 §2.5.5.2). */
const MAPPED_BITS = 96

/** Addresses and CIDR blocks, and `unix` for peers on Unix sockets. */
export class AddressBlocks implements AddressSet {
  /** Made for the first block: its module takes ten milliseconds to load. */
  private list: BlockList | undefined
  private readonly unix: boolean

  /** @param blocks checked before by `isAddressBlock` */
  constructor(blocks: readonly string[]) {
    this.unix = blocks.includes('unix')
    for (const block of blocks) if (block !== 'unix') this.add(block)
  }

  has(address: string): boolean {
    if (address === 'unix') return this.unix
    const known = plainAddress(address)
    return this.list?.check(known, ipVersion(known) === 6 ? 'ipv6' : 'ipv4') ?? false
  }

  private add(block: string): void {
    const list = (this.list ??= new (process.getBuiltinModule('node:net').BlockList)())
    const [text = '', bits] = block.split('/')
    const address = canonical(text)
    const family = ipVersion(address) === 6 ? 'ipv6' : 'ipv4'
    if (bits === undefined) return list.addAddress(address, family)
    const isMapped = family === 'ipv4' && text.includes(':')
    if (!isMapped || Number(bits) >= MAPPED_BITS)
      return list.addSubnet(address, Number(bits) - (isMapped ? MAPPED_BITS : 0), family)
    list.addSubnet(text, Number(bits), 'ipv6')
  }
}

/** Whether a text is an address, a CIDR block or `unix`. */
export function isAddressBlock(text: string): boolean {
  if (text === 'unix') return true
  const match = /^([0-9A-Fa-f:.]+)(?:\/(\d{1,3}))?$/.exec(text)
  const version = match?.[1] === undefined ? 0 : ipVersion(match[1])
  return version !== 0 && Number(match?.[2] ?? 0) <= (version === 4 ? 32 : 128)
}
