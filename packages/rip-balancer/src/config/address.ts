import { canonical, withoutZone } from '../address/node-address.ts'
import type { BackendAddress } from '../address/backend-address.ts'
import { UNIX_ADDRESS_FORM, parseUnixAddress, type UnixAddress } from '../address/unix-address.ts'
import { ipVersion } from '../address/ip-version.ts'

export type TcpAddress = { readonly kind: 'tcp'; readonly host: string; readonly port: number }

/** Where to listen. */
export type ListenAddress =
  TcpAddress | ({ readonly kind: 'unix' } & UnixAddress) | { readonly kind: 'fd'; readonly fd: number }

/** All addresses of both families; where there is no IPv6, those of IPv4. */
const EVERYWHERE = '::'

/**
 * A backend: `host:port`, `http://host:port`, `https://host:port` (443 may be left out), `h2c://host:port`, `[v6]:port` or `unix:PATH`;
 * `undefined` when it is none of these.
 */
export function parseBackendAddress(text: string): BackendAddress | undefined {
  const unix = unixPath(text)
  if (unix !== undefined) return { kind: 'unix', path: unix }
  const [, scheme, authority = ''] = /^(?:(https?|h2c):\/\/)?([^/]*)\/?$/i.exec(text) ?? []
  const secure = scheme?.toLowerCase() === 'https'
  const hasPort = /:\d+$/.test(authority)
  const tcp = hostAndPort(secure && !hasPort ? `${authority}:${HTTPS_PORT}` : authority)
  if (tcp === undefined || tcp.host === '' || tcp.port === 0) return undefined
  if (secure) return { kind: 'tcp', ...tcp, tls: { name: certifiedName(tcp.host) } }
  return scheme?.toLowerCase() === 'h2c' ? { kind: 'tcp', ...tcp, http2: 'only' } : { kind: 'tcp', ...tcp }
}

/** As certificates write it: without the dot of the root, and without a zone. */
function certifiedName(host: string): string {
  return withoutZone(host).replace(/\.$/, '')
}

const HTTPS_PORT = 443

/** A listener: `host:port`, `:port`, `port`, `unix:PATH` (with `?mode=` and `&group=`) or `fd:N`; `undefined` when it is none of these. */
export function parseListenAddress(text: string): ListenAddress | undefined {
  const unix = /^unix:(?:\/\/)?(.+)$/s.exec(text)?.[1]
  const address = unix === undefined ? undefined : parseUnixAddress(unix)
  if (address !== undefined && unixPath(`unix:${address.path}`) !== undefined)
    return { kind: 'unix', ...address }
  const fd = /^fd:(\d{1,4})$/.exec(text)?.[1]
  if (fd !== undefined) return { kind: 'fd', fd: Number(fd) }
  const tcp = hostAndPort(/^\d+$/.test(text) ? `:${text}` : text.replace(/^http:\/\//, '').replace(/\/$/, ''))
  return tcp === undefined ? undefined : { kind: 'tcp', host: tcp.host || EVERYWHERE, port: tcp.port }
}

function unixPath(text: string): string | undefined {
  const path = /^unix:(?:\/\/)?(\/.*[^/])$/s.exec(text)?.[1]
  return path === undefined || path.includes('\0') || isTooLong(path) ? undefined : path
}

/** The accepted forms of a backend, for messages; for a path that is too long, the limit. */
export function backendForm(text: string): string {
  return text.startsWith('unix:') && isTooLong(text.replace(/^unix:(?:\/\/)?/, '')) ? PATH_FORM : BACKEND_FORM
}

/** The same for the admin socket. */
export function adminForm(text: string): string {
  const form = backendForm(text)
  return form === PATH_FORM ? form : 'unix:PATH'
}

/** The same for a listener. */
export function listenForm(text: string): string {
  if (!text.startsWith('unix:')) return 'host:port, :port, unix:PATH or fd:N'
  return isTooLong(text.replace(/^unix:(?:\/\/)?/, '').replace(/\?.*$/s, '')) ? PATH_FORM : UNIX_ADDRESS_FORM
}

/** `sun_path` with its end: 108 bytes on Linux, 104 on macOS (unix(7), unix(4)). */
const MAX_PATH_BYTES = process.platform === 'linux' ? 107 : 103

const PATH_FORM = `unix:PATH with a path of at most ${MAX_PATH_BYTES} bytes, as sockets have`
const BACKEND_FORM = 'host:port, https://host:port, h2c://host:port or unix:PATH'

/** Whether a path is too long for a socket, which the system would only say when it is used. */
function isTooLong(path: string): boolean {
  return Buffer.byteLength(path) > MAX_PATH_BYTES
}

function hostAndPort(text: string): { host: string; port: number } | undefined {
  const [, v6, name = '', digits] = /^(?:\[([^[\]]*)\]|([^:[\]]*)):(\d{1,5})$/.exec(text) ?? []
  const port = Number(digits)
  if (!(port <= 65_535) || !(v6 === undefined ? name === '' || isHost(name) : isIpv6(v6))) return undefined
  return { host: v6 === undefined ? name : spelled(v6), port }
}

/** One spelling for one address; its zone stays, as it says where to connect. */
function spelled(address: string): string {
  return address.includes('%') ? address : canonical(address)
}

/** With a zone, as link-local ones need it: `fe80::1%eth0` (RFC 4007 §11). */
function isIpv6(text: string): boolean {
  const [, address = ''] = /^([^%]*)(?:%[\w.-]+)?$/.exec(text) ?? []
  return ipVersion(address) === 6
}

/** A name (RFC 1123 §2.1, and underscores, which are in use), or an IPv4 address; what ends in a number is no name. */
function isHost(text: string): boolean {
  if (/(?:^|\.)(?:\d+|0x[\da-f]*)\.?$/i.test(text)) return ipVersion(text) === 4
  return text.length <= MAX_NAME_CHARS && /^(?:[\w-]{1,63}\.)*[\w-]{1,63}\.?$/.test(text)
}

const MAX_NAME_CHARS = 254
