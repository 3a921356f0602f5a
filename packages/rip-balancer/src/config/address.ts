import type { BackendAddress } from '../pool/claim.ts'
import { parseUnixAddress, type UnixAddress } from './unix-address.ts'

/** Where to listen. */
export type ListenAddress =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | ({ readonly kind: 'unix' } & UnixAddress)
  | { readonly kind: 'fd'; readonly fd: number }

const WILDCARD = '0.0.0.0'

/** A backend: `host:port`, `http://host:port`, `[v6]:port` or `unix:PATH`; `undefined` when it is none of these. */
export function parseBackendAddress(text: string): BackendAddress | undefined {
  const unix = unixPath(text)
  if (unix !== undefined) return { kind: 'unix', path: unix }
  const tcp = hostAndPort(text.replace(/^http:\/\//, '').replace(/\/$/, ''))
  return tcp === undefined || tcp.host === '' || tcp.port === 0 ? undefined : { kind: 'tcp', ...tcp }
}

/** A listener: `host:port`, `:port`, `port`, `unix:PATH` (with `?mode=` and `&group=`) or `fd:N`; `undefined` when it is none of these. */
export function parseListenAddress(text: string): ListenAddress | undefined {
  const unix = /^unix:(?:\/\/)?(.+)$/s.exec(text)?.[1]
  const address = unix === undefined ? undefined : parseUnixAddress(unix)
  if (address !== undefined && unixPath(`unix:${address.path}`) !== undefined)
    return { kind: 'unix', ...address }
  const fd = /^fd:(\d{1,4})$/.exec(text)?.[1]
  if (fd !== undefined) return { kind: 'fd', fd: Number(fd) }
  const tcp = hostAndPort(/^\d+$/.test(text) ? `:${text}` : text.replace(/^http:\/\//, '').replace(/\/$/, ''))
  return tcp === undefined ? undefined : { kind: 'tcp', host: tcp.host || WILDCARD, port: tcp.port }
}

function unixPath(text: string): string | undefined {
  const path = /^unix:(?:\/\/)?(\/.*[^/])$/s.exec(text)?.[1]
  return path === undefined || path.includes('\0') ? undefined : path
}

function hostAndPort(text: string): { host: string; port: number } | undefined {
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([^:/[\]\s]*)):(\d{1,5})$/.exec(text)
  const port = Number(match?.[3])
  if (match === null || port > 65_535) return undefined
  return { host: match[1] ?? match[2] ?? '', port }
}
