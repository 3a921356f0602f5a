import { ManagerError } from '../contract/errors.ts'

const darwin = process.platform === 'darwin'

/** Constants of socket(2) and friends that differ between systems. */
export const AF_UNIX = 1
export const AF_INET = 2
export const AF_INET6: number = darwin ? 30 : 10
export const SOCK_STREAM = 1
export const SOCK_DGRAM = 2
/** macOS has no such flag; there the runtime's spawn closes what it was not told to hand down. */
export const SOCK_CLOEXEC: number = darwin ? 0 : 0o2_000_000
export const SOL_SOCKET: number = darwin ? 0xffff : 1
export const SO_REUSEADDR: number = darwin ? 4 : 2
export const IPPROTO_IPV6 = 41
export const IPV6_V6ONLY: number = darwin ? 27 : 26

/** Bytes of `sun_path` that may be used so that a terminating NUL fits on every system: 104 on macOS, 108 on Linux. */
export const MAX_SOCKET_PATH_BYTES = 103

/** A longer path would be cut off, or refused with a message that does not help. @throws ManagerError `SOCKET_PATH_TOO_LONG` */
export function assertSocketPathFits(path: string): void {
  const bytes = Buffer.byteLength(path)
  if (bytes <= MAX_SOCKET_PATH_BYTES) return
  throw new ManagerError('SOCKET_PATH_TOO_LONG', { path, bytes, maxBytes: MAX_SOCKET_PATH_BYTES })
}

/** Whether a host is an IPv6 address: no name and no other address has a colon. */
export function isIPv6(host: string): boolean {
  return host.includes(':')
}

/** `sockaddr_in` or `sockaddr_in6` of a numeric address. */
export function inetAddress(host: string, port: number): Uint8Array {
  const v6 = isIPv6(host)
  const address = new Uint8Array(v6 ? 28 : 16)
  writeFamily(address, v6 ? AF_INET6 : AF_INET)
  new DataView(address.buffer).setUint16(2, port)
  address.set(v6 ? parseIPv6(host) : host.split('.').map(Number), v6 ? 8 : 4)
  return address
}

/** `sockaddr_un` of a path; a leading `@` names a socket in Linux's abstract namespace (unix(7)). */
export function unixAddress(path: string): Uint8Array {
  const abstract = path.startsWith('@')
  const name = Buffer.from(abstract ? `\0${path.slice(1)}` : `${path}\0`)
  const address = new Uint8Array(2 + name.byteLength)
  writeFamily(address, AF_UNIX)
  address.set(name, 2)
  return address
}

/** What a raw `sockaddr` says. */
export function parseAddress(address: Uint8Array): { host: string; port: number } | { unix: string } {
  const view = new DataView(address.buffer, address.byteOffset, address.byteLength)
  const family = darwin ? view.getUint8(1) : view.getUint16(0, true)
  if (family === AF_UNIX) return { unix: parseUnixPath(address.subarray(2)) }
  const port = view.getUint16(2)
  if (family === AF_INET) return { host: address.subarray(4, 8).join('.'), port }
  return { host: formatIPv6(view), port }
}

/** BSD systems put the length before a family of one byte. */
function writeFamily(address: Uint8Array, family: number): void {
  address[0] = darwin ? address.byteLength : family
  address[1] = darwin ? family : 0
}

function parseUnixPath(name: Uint8Array): string {
  const text = Buffer.from(name).toString()
  return text.startsWith('\0') ? `@${text.slice(1)}` : text.replace(/\0.*$/s, '')
}

/** The URL parser normalises every notation, embedded IPv4 included, to groups of hexadecimal digits. */
function parseIPv6(host: string): Uint8Array {
  const [head = '', tail] = new URL(`http://[${host}]`).hostname.slice(1, -1).split('::')
  const first = groups(head)
  const last = groups(tail ?? '')
  const all = [...first, ...Array.from({ length: 8 - first.length - last.length }, () => 0), ...last]
  return Uint8Array.from(all.flatMap((group) => [group >> 8, group & 0xff]))
}

function groups(text: string): readonly number[] {
  return text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16))
}

function formatIPv6(view: DataView): string {
  const hex = Array.from({ length: 8 }, (_, index) => view.getUint16(8 + index * 2).toString(16))
  return new URL(`http://[${hex.join(':')}]`).hostname.slice(1, -1)
}
