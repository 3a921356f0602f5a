import { readFileSync, readlinkSync } from 'node:fs'

/** Where an inherited listening socket is bound. */
export type InheritedAddress =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'unix'; readonly path: string }

/**
 * Address of the listening socket at descriptor `fd`, found by its inode in the tables of proc_net(5), as the runtime
 * has no getsockname(2). `undefined` for a socket without a name, and where there are no such tables.
 */
export function inheritedAddress(fd: number): InheritedAddress | undefined {
  try {
    const inode = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/self/fd/${fd}`))?.[1]
    if (inode === undefined) return undefined
    return tcpAddress(inode, 'tcp') ?? tcpAddress(inode, 'tcp6') ?? unixAddress(inode)
  } catch {
    // Not Linux, or no access: the socket still serves, it only has no address to show.
    return undefined
  }
}

function tcpAddress(inode: string, table: 'tcp' | 'tcp6'): InheritedAddress | undefined {
  const row = rowsOf(table).find((columns) => columns[9] === inode)
  const [address, port] = row?.[1]?.split(':') ?? []
  if (address === undefined || port === undefined) return undefined
  return {
    kind: 'tcp',
    host: table === 'tcp' ? ipv4(address) : ipv6(address),
    port: Number.parseInt(port, 16),
  }
}

function unixAddress(inode: string): InheritedAddress | undefined {
  const row = rowsOf('unix').find((columns) => columns[6] === inode)
  const path = row?.slice(7).join(' ')
  return path === undefined || path === '' ? undefined : { kind: 'unix', path }
}

const rowsOf = (table: string): string[][] =>
  readFileSync(`/proc/self/net/${table}`, 'utf8')
    .split('\n')
    .map((line) => line.trim().split(/ +/))

/** The table prints each 32-bit word of an address in the byte order of the machine, which is little-endian. */
function words(address: string): number[] {
  return address.match(/.{8}/g)!.flatMap((word) => [...Buffer.from(word, 'hex').reverse()])
}

const ipv4 = (address: string): string => words(address).join('.')

function ipv6(address: string): string {
  const groups = Buffer.from(words(address)).toString('hex').match(/.{4}/g)!.join(':')
  return new URL(`http://[${groups}]`).hostname.slice(1, -1)
}
