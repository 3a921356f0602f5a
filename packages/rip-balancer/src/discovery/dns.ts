import type { BackendConfig } from '../config/config.ts'
import { parseBackendAddress } from '../config/address.ts'
import type { BackendAddress } from '../address/backend-address.ts'
import { BalancerError } from '../errors.ts'
import { ipVersion } from '../address/ip-version.ts'

/** An address of a name, and how long it may be relied on. */
export interface ResolvedName {
  readonly address: string
  readonly ttlMs: number
}

/** All addresses of a name. Rejects when there are none. */
export type ResolveName = (host: string) => Promise<readonly ResolvedName[]>

export interface DnsOptions {
  /** Asked again no sooner than this. @default 1000 */
  readonly minTtlMs?: number
  /** Asked again no later than this. @default 60000 */
  readonly maxTtlMs?: number
  /** Ends the iteration. */
  readonly signal?: AbortSignal
  /** @default the system's name servers, then its hosts file */
  readonly resolve?: ResolveName
}

const MIN_TTL_MS = 1_000
const MAX_TTL_MS = 60_000
/** For answers that carry no time to live, as those of the hosts file. */
const UNKNOWN_TTL_MS = 10_000

/**
 * Backends behind a name: one list now, and another whenever the name's addresses change, asked for again when
 * their time to live is over. A name that cannot be resolved keeps its last addresses.
 *
 * @param name `host:port` or `https://host:port`
 * @throws `CONFIG_INVALID` when the name is not of that form
 */
export async function* dns(name: string, options: DnsOptions = {}): AsyncGenerator<readonly BackendConfig[]> {
  const { minTtlMs = MIN_TTL_MS, maxTtlMs = MAX_TTL_MS, signal, resolve = resolveName } = options
  const address = parseBackendAddress(name)
  if (address?.kind !== 'tcp')
    throw new BalancerError('CONFIG_INVALID', { problems: [`dns: expected host:port, got "${name}"`] })
  let last = ''
  while (signal?.aborted !== true) {
    const found = await resolve(address.host).catch(() => [])
    const addresses = [...new Set(found.map((each) => each.address))].toSorted()
    if (addresses.length > 0 && addresses.join() !== last) {
      last = addresses.join()
      yield addresses.map((ip) => backendAt(ip, address))
    }
    const ttlMs = found.length === 0 ? minTtlMs : Math.min(...found.map((each) => each.ttlMs))
    await pause(Math.min(maxTtlMs, Math.max(minTtlMs, ttlMs)), signal)
  }
}

function backendAt(ip: string, { port, tls, http2 }: TcpAddress): BackendConfig {
  const address = ipVersion(ip) === 6 ? `[${ip}]:${port}` : `${ip}:${port}`
  if (http2 === 'only') return { address: `h2c://${address}` }
  // Certificates name the host, not its addresses.
  return tls === undefined ? { address } : { address: `https://${address}`, tls: { serverName: tls.name } }
}

type TcpAddress = Extract<BackendAddress, { kind: 'tcp' }>

/** A and AAAA records with their time to live; names that only the hosts file knows through the system. */
async function resolveName(host: string): Promise<readonly ResolvedName[]> {
  if (ipVersion(host) !== 0) return [{ address: host, ttlMs: Number.POSITIVE_INFINITY }]
  const { lookup, Resolver } = process.getBuiltinModule('node:dns/promises')
  const resolver = new Resolver()
  const answers = await Promise.allSettled([
    resolver.resolve4(host, { ttl: true }),
    resolver.resolve6(host, { ttl: true }),
  ])
  const records = answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []))
  if (records.length > 0) return records.map(({ address, ttl }) => ({ address, ttlMs: ttl * 1000 }))
  const found = await lookup(host, { all: true })
  return found.map(({ address }) => ({ address, ttlMs: UNKNOWN_TTL_MS }))
}

/** Waits, or less when the signal aborts. */
function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  if (signal?.aborted === true) return Promise.resolve()
  const { promise, resolve } = Promise.withResolvers<void>()
  const timer = setTimeout(resolve, ms)
  timer.unref()
  signal?.addEventListener('abort', () => resolve(), { once: true })
  return promise.finally(() => clearTimeout(timer))
}
