import { resolve } from 'node:path'
import { ipVersion, parseUnixAddress } from '@rip/balancer/supervisor'
import type { ListenAddress, UnixListenAddress } from '@rip/manager'
import type { Mode, Settings } from '../settings/settings.ts'
import { DEFAULT_DEV_HOST, DEFAULT_HOST } from '../settings/defaults.ts'

/** Address to listen on: `bind` as `unix:PATH`, `HOST:PORT`, `[IPV6]:PORT` or `HOST`, completed by `port`. */
export function listenAddress(settings: Pick<Settings, 'bind' | 'port'>, mode: Mode): ListenAddress {
  const { port } = settings
  const bind = settings.bind ?? (mode === 'development' ? DEFAULT_DEV_HOST : DEFAULT_HOST)
  if (bind.startsWith('unix:')) return unixAddress(bind.slice('unix:'.length))
  if (ipVersion(bind) === 6) return { host: bind, port }
  const match = /^(?:\[(?<ipv6>[^\]]*)\]|(?<host>[^:]*))(?::(?<port>\d+))?$/.exec(bind)
  const host = match?.groups?.['ipv6'] ?? match?.groups?.['host'] ?? bind
  const ownPort = match?.groups?.['port']
  return { host: host === '' ? DEFAULT_HOST : host, port: ownPort === undefined ? port : Number(ownPort) }
}

/** Where probes and scrapers ask; `undefined` where they are not to. */
export function opsListenAddress({ ops }: Pick<Settings, 'ops'>): ListenAddress | undefined {
  return ops === undefined ? undefined : listenAddress({ bind: ops, port: 0 }, 'production')
}

/** Whether one socket is in the way of the other. */
export function overlap(one: ListenAddress, other: ListenAddress): boolean {
  if ('unix' in one || 'unix' in other) return 'unix' in one && 'unix' in other && one.unix === other.unix
  const isEverywhere = [one, other].some(({ host }) => host === '0.0.0.0' || host === '::')
  return one.port !== 0 && one.port === other.port && (isEverywhere || one.host === other.host)
}

function unixAddress(text: string): UnixListenAddress {
  // The settings have been checked already.
  const { path, ...access } = parseUnixAddress(text) ?? { path: text }
  return { unix: resolve(path), ...access }
}

/** The address to open in a browser; a Unix socket is named as it was given. */
export function addressUrl(address: ListenAddress, secure: boolean = false): string {
  if ('unix' in address) return `unix:${address.unix}`
  const everywhere = address.host === '0.0.0.0' || address.host === '::'
  const host = everywhere ? 'localhost' : address.host
  return `${secure ? 'https' : 'http'}://${ipVersion(host) === 6 ? `[${host}]` : host}:${address.port}`
}

/** Whether other machines reach it. */
export function isExposed(address: ListenAddress): boolean {
  return !('unix' in address) && !/^(127\.|::1$|localhost$)/.test(address.host)
}
