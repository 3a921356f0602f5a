import { BlockList, isIP } from 'node:net'
import type { AddressSet } from '../exchange/settings.ts'

/** Addresses and CIDR blocks, and `unix` for peers on Unix sockets. */
export class AddressBlocks implements AddressSet {
  private readonly list = new BlockList()
  private readonly unix: boolean

  /** @param blocks checked before by `isAddressBlock` */
  constructor(blocks: readonly string[]) {
    this.unix = blocks.includes('unix')
    for (const block of blocks) if (block !== 'unix') this.add(block)
  }

  has(address: string): boolean {
    if (address === 'unix') return this.unix
    const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1] ?? address
    return this.list.check(mapped, isIP(mapped) === 6 ? 'ipv6' : 'ipv4')
  }

  private add(block: string): void {
    const [address = '', bits] = block.split('/')
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4'
    if (bits === undefined) this.list.addAddress(address, family)
    else this.list.addSubnet(address, Number(bits), family)
  }
}

/** Whether a text is an address, a CIDR block or `unix`. */
export function isAddressBlock(text: string): boolean {
  if (text === 'unix') return true
  const match = /^([0-9A-Fa-f:.]+)(?:\/(\d{1,3}))?$/.exec(text)
  const version = match?.[1] === undefined ? 0 : isIP(match[1])
  return version !== 0 && Number(match?.[2] ?? 0) <= (version === 4 ? 32 : 128)
}
