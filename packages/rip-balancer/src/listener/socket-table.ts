import { readFileSync, readlinkSync } from 'node:fs'

/** Where a listening socket is bound. */
export type BoundAddress =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'unix'; readonly path: string }

/**
 * Address of the listening socket at descriptor `fd`, found by its inode in the tables of proc_net(5), as the runtime
 * does not tell the path of a Unix socket it inherited. `undefined` for a socket without a name, and where there are no such tables.
 */
export function addressOfSocket(fd: number): BoundAddress | undefined {
  try {
    const inode = inodeOf(String(fd))
    return listeningSockets().find((socket) => socket.inode === inode)?.address
  } catch {
    // Not Linux, or no access: the socket still serves, it only has no address to show.
    return undefined
  }
}

interface ListeningSocket {
  readonly inode: string
  readonly address: BoundAddress
}

/** State of a listening TCP socket in the tables. */
const TCP_LISTEN = '0A'
/** Flag of a listening Unix socket in its table. */
const UNIX_ACCEPTS = '00010000'

function listeningSockets(): ListeningSocket[] {
  return [...tcpSockets('tcp', ipv4), ...tcpSockets('tcp6', ipv6), ...unixSockets()]
}

function tcpSockets(table: 'tcp' | 'tcp6', hostOf: (hex: string) => string): ListeningSocket[] {
  const rows = rowsOf(table).filter((columns) => columns[3] === TCP_LISTEN)
  return rows.map((columns) => {
    const [host = '', port = ''] = columns[1]!.split(':')
    return {
      inode: columns[9]!,
      address: { kind: 'tcp', host: hostOf(host), port: Number.parseInt(port, 16) },
    }
  })
}

function unixSockets(): ListeningSocket[] {
  const rows = rowsOf('unix').filter((columns) => columns[3] === UNIX_ACCEPTS && columns.length > 7)
  return rows.map((columns) => ({
    inode: columns[6]!,
    address: { kind: 'unix', path: columns.slice(7).join(' ') },
  }))
}

function inodeOf(fd: string): string | undefined {
  try {
    return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/self/fd/${fd}`))?.[1]
  } catch {
    // The descriptor the folder itself was read with.
    return undefined
  }
}

const rowsOf = (table: string): string[][] =>
  readFileSync(`/proc/self/net/${table}`, 'utf8')
    .split('\n')
    .map((line) => line.trim().split(/ +/))

/** The table prints each 32-bit word of an address in the byte order of the machine, which is little-endian. */
const bytesOf = (hex: string): number[] =>
  hex.match(/.{8}/g)!.flatMap((word) => [...Buffer.from(word, 'hex').reverse()])

const ipv4 = (hex: string): string => bytesOf(hex).join('.')

function ipv6(hex: string): string {
  const groups = Buffer.from(bytesOf(hex)).toString('hex').match(/.{4}/g)!.join(':')
  return new URL(`http://[${groups}]`).hostname.slice(1, -1)
}
