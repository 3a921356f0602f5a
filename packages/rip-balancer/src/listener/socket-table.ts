import { closeSync, openSync, readlinkSync, readSync } from 'node:fs'

/** Where a listening socket is bound. */
export type BoundAddress =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'unix'; readonly path: string }

/** Size of the pieces in which tables are read. */
const PIECE_BYTES = 64 * 1024

/** State of a listening TCP socket in the tables. */
const TCP_LISTEN = '0A'
/** Flag of a listening Unix socket in its table. */
const UNIX_ACCEPTS = '00010000'

/**
 * Address of the listening socket at descriptor `fd`, found by its inode in the tables of proc_net(5), as the runtime
 * does not tell the path of a Unix socket it inherited. `undefined` for a socket without a name, and where there are no such tables.
 */
export function addressOfSocket(fd: number): BoundAddress | undefined {
  const inode = inodeOf(fd)
  if (inode === undefined) return undefined
  return tcpAddress('tcp', ipv4, inode) ?? tcpAddress('tcp6', ipv6, inode) ?? unixAddress(inode)
}

function inodeOf(fd: number): string | undefined {
  try {
    return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/self/fd/${fd}`))?.[1]
  } catch {
    // Not Linux, or no access: the socket still serves, it only has no address to show.
    return undefined
  }
}

function tcpAddress(
  table: 'tcp' | 'tcp6',
  hostOf: (hex: string) => string,
  inode: string,
): BoundAddress | undefined {
  const columns = rowWhere(table, (row) => row[9] === inode && row[3] === TCP_LISTEN)
  if (columns === undefined) return undefined
  const [host = '', port = ''] = columns[1]!.split(':')
  return { kind: 'tcp', host: hostOf(host), port: Number.parseInt(port, 16) }
}

function unixAddress(inode: string): BoundAddress | undefined {
  const columns = rowWhere('unix', (row) => row[6] === inode && row[3] === UNIX_ACCEPTS && row.length > 7)
  return columns && { kind: 'unix', path: columns.slice(7).join(' ') }
}

/** The first such row of a table. It is read no further, since it may have a row for each connection of the machine. */
function rowWhere(table: string, accepts: (columns: readonly string[]) => boolean): string[] | undefined {
  for (const line of linesOf(`/proc/self/net/${table}`)) {
    const columns = line.trim().split(/ +/)
    if (accepts(columns)) return columns
  }
  return undefined
}

function* linesOf(path: string): Generator<string> {
  let fd: number | undefined
  try {
    fd = openSync(path, 'r')
    const decoder = new TextDecoder()
    const piece = new Uint8Array(PIECE_BYTES)
    let rest = ''
    for (let bytes = readSync(fd, piece); bytes > 0; bytes = readSync(fd, piece)) {
      const lines = (rest + decoder.decode(piece.subarray(0, bytes), { stream: true })).split('\n')
      rest = lines.pop() ?? ''
      yield* lines
    }
    yield rest
  } catch {
    // ENOENT: the system has no such table, as tcp6 without IPv6.
  } finally {
    if (fd !== undefined) closeSync(fd)
  }
}

/** The table prints each 32-bit word of an address in the byte order of the machine, which is little-endian. */
const bytesOf = (hex: string): number[] =>
  hex.match(/.{8}/g)!.flatMap((word) => [...Buffer.from(word, 'hex').reverse()])

const ipv4 = (hex: string): string => bytesOf(hex).join('.')

function ipv6(hex: string): string {
  const groups = Buffer.from(bytesOf(hex)).toString('hex').match(/.{4}/g)!.join(':')
  return new URL(`http://[${groups}]`).hostname.slice(1, -1)
}
