import {
  DEFAULT_EJECT_AFTER,
  DEFAULT_EJECT_MAX_MS,
  DEFAULT_EJECT_MIN_MS,
  DEFAULT_EJECT_SHARE,
  DEFAULT_HALF_CLOSE,
  DEFAULT_HEALTH_FALL,
  DEFAULT_HEALTH_INTERVAL_MS,
  DEFAULT_HEALTH_RISE,
  DEFAULT_HEALTH_STATUSES,
  DEFAULT_HEALTH_TIMEOUT_MS,
  DEFAULT_LIMITS,
  DEFAULT_LISTEN,
  DEFAULT_MAX_IN_FLIGHT,
  DEFAULT_POLICY,
  DEFAULT_POOL,
  DEFAULT_QUEUE_LENGTH,
  DEFAULT_QUEUE_TIMEOUT_MS,
  DEFAULT_RETRIES,
  DEFAULT_SLOW_START_MS,
  DEFAULT_TIMEOUTS,
  DEFAULT_UNDERSCORES,
  DEFAULT_UNKNOWN_METHODS,
  DEFAULT_UPGRADES,
  DEFAULT_WEIGHT,
  DEFAULT_WORKER_PROTOCOL,
  LONG_LIVED_SHARE,
} from '../defaults.ts'
import { BalancerError } from '../errors.ts'
import { byAddress, byCookie, byHeader, type HashKey } from '../forwarding/affinity.ts'
import { UNDERSCORES, type AddressSet, type Forwarding } from '../settings/forwarding.ts'
import type { HealthSettings, StatusRange } from '../settings/health.ts'
import { HALF_CLOSES, type HalfClose } from '../settings/half-close.ts'
import { WORKER_PROTOCOLS, type WorkerProtocol } from '../settings/worker-protocol.ts'
import { type Limits } from '../settings/limits.ts'
import { type Timeouts } from '../settings/timeouts.ts'
import { UNKNOWN_METHODS, type UnknownMethods } from '../settings/unknown-methods.ts'
import type { LearnedFieldOptions } from '../settings/learned-field.ts'
import type { StickyCookieOptions } from '../settings/sticky-cookie.ts'
import type { AccessLogFormat } from '../settings/access-log-format.ts'
import type { BackendAddress } from '../address/backend-address.ts'
import { addressText } from '../address/backend-address.ts'
import type { BackendSpec } from '../pool/pooled-backend.ts'
import { POLICIES, type PolicyName } from '../pool/policy.ts'
import type { EjectionOptions, PoolSettings } from '../pool/pool-options.ts'
import { isAuthority } from '../http1/authority.ts'
import {
  adminForm,
  backendForm,
  listenForm,
  parseBackendAddress,
  parseListenAddress,
  type ListenAddress,
  type TcpAddress,
} from './address.ts'
import { canPeek } from '../transport/peek.ts'
import { AllowedHosts, isAllowableHost } from './allowed-hosts.ts'
import { AddressBlocks } from './address-blocks.ts'
import type { BackendTlsConfig } from '../settings/backend-tls.ts'
import type { BalancerConfig } from './config.ts'
import { ConfigReader, shown } from './config-reader.ts'
import { readLearnedField } from './learned-field-config.ts'
import { readStickyCookie } from './sticky-cookie-config.ts'

export interface ResolvedListener {
  readonly address: ListenAddress
  readonly tls: { readonly certFile: string; readonly keyFile: string } | undefined
  readonly http2: boolean
  readonly reusePort: boolean
}

/** A configuration with every default applied and every text understood. */
export interface ResolvedConfig {
  readonly listeners: readonly ResolvedListener[]
  readonly backends: readonly BackendSpec[]
  /** Of backends that do not say. */
  readonly maxInFlight: number
  readonly backendTls: BackendTlsConfig
  readonly pool: string
  readonly policy: PolicyName
  readonly hashKey: HashKey
  /** Cookie of the sticky policy; `undefined` under any other. */
  readonly stickyCookie: StickyCookieOptions | undefined
  /** What the names of backends in that cookie are made with; `undefined` leaves it to chance. */
  readonly stickyKey: string | undefined
  readonly learnedField: LearnedFieldOptions
  readonly queueLength: number
  readonly queueTimeoutMs: number
  readonly slowStartMs: number
  readonly waitForBackends: boolean
  readonly acceptWhenRouted: boolean
  readonly ejection: EjectionOptions
  readonly health: HealthSettings | undefined
  readonly timeouts: Timeouts
  readonly limits: Limits
  readonly forwarding: Forwarding
  readonly proxyProtocolFrom: AddressSet | undefined
  /** `undefined`: all. */
  readonly hosts: AllowedHosts | undefined
  readonly upgrades: readonly string[]
  readonly unknownMethods: UnknownMethods
  readonly halfClose: HalfClose
  readonly workerProtocol: WorkerProtocol
  readonly retries: number
  readonly adminPath: string | undefined
  readonly metricsAddress: TcpAddress | undefined
  readonly accessLog: { readonly format: AccessLogFormat; readonly file: string | undefined }
}

/** What other balancers call the list of backends. */
const FOREIGN_KEYS = { backends: 'to', upstreams: 'to', servers: 'to' }

/** @throws `CONFIG_INVALID` with every problem found, each with its path */
export function resolveConfig(config: BalancerConfig): ResolvedConfig {
  const problems: string[] = []
  const reader = new ConfigReader(config, '', problems)
  const resolved = read(reader, problems)
  reader.end(FOREIGN_KEYS)
  if (problems.length > 0) throw new BalancerError('CONFIG_INVALID', { problems })
  return resolved
}

/** The part of it that a pool follows. */
export function poolSettings({ limits, ...config }: ResolvedConfig): PoolSettings {
  return { ...config, maxLongLivedPerBackend: limits.maxLongLivedPerBackend }
}

/** Every problem of a configuration, each with its path; none when it is valid. */
export function configProblems(config: BalancerConfig): readonly string[] {
  const problems: string[] = []
  const reader = new ConfigReader(config, '', problems)
  read(reader, problems)
  reader.end(FOREIGN_KEYS)
  return problems
}

/** The backends of a list alone. @throws `CONFIG_INVALID` */
export function resolveBackends(list: BalancerConfig['to'], maxInFlight: number): readonly BackendSpec[] {
  const problems: string[] = []
  const reader = new ConfigReader({ to: list }, '', problems)
  const backends = reader.list('to', (value, path) => readBackend(value, path, maxInFlight, problems))
  if (problems.length > 0) throw new BalancerError('CONFIG_INVALID', { problems })
  return backends
}

function read(reader: ConfigReader, problems: string[]): ResolvedConfig {
  const maxInFlight = reader.count('maxInFlight', DEFAULT_MAX_IN_FLIGHT, 1)
  const listeners = reader.list('listen', (value, path) => readListener(value, path, problems))
  const proxies = reader.addressBlocks('proxyProtocolFrom')
  if (proxies.length > 0 && listeners.some(({ tls }) => tls !== undefined) && !canPeek())
    problems.push('proxyProtocolFrom: a header in front of TLS can be read on Linux only')
  return {
    listeners: reader.has('listen') ? listeners : defaultListeners(),
    backends: readBackends(reader, maxInFlight, problems),
    maxInFlight,
    backendTls: { verify: true, ...readBackendTls(reader.object('backendTls')) },
    pool: readPool(reader),
    ...readPolicy(reader, problems),
    ...readQueue(reader.object('queue')),
    slowStartMs: reader.duration('slowStart', DEFAULT_SLOW_START_MS),
    waitForBackends: reader.flag('waitForBackends', false),
    acceptWhenRouted: reader.flag('acceptWhenRouted', false),
    ejection: readEjection(reader.object('ejection')),
    health: readHealth(reader.object('health')),
    timeouts: readTimeouts(reader.object('timeouts')),
    limits: readLimits(reader.object('limits')),
    forwarding: readForwarding(reader.object('forwarding')),
    proxyProtocolFrom: proxies.length === 0 ? undefined : new AddressBlocks(proxies),
    hosts: readHosts(reader),
    upgrades: reader.words('upgrades', DEFAULT_UPGRADES).map((name) => name.toLowerCase()),
    unknownMethods: reader.oneOf('unknownMethods', UNKNOWN_METHODS, DEFAULT_UNKNOWN_METHODS),
    halfClose: reader.oneOf('halfClose', HALF_CLOSES, DEFAULT_HALF_CLOSE),
    workerProtocol: reader.oneOf('workerProtocol', WORKER_PROTOCOLS, DEFAULT_WORKER_PROTOCOL),
    retries: reader.count('retries', DEFAULT_RETRIES),
    adminPath: readAdmin(reader),
    metricsAddress: readMetrics(reader, listeners),
    accessLog: readAccessLog(reader, problems),
  }
}

/** A segment of paths of the admin API, where dots alone go up. */
function readPool(reader: ConfigReader): string {
  const name = reader.text('pool') ?? DEFAULT_POOL
  if (/^\.{1,2}$/.test(name)) reader.problem('pool', 'a name other than . and ..')
  return name
}

const defaultListeners = (): ResolvedListener[] => [
  { address: parseListenAddress(DEFAULT_LISTEN)!, tls: undefined, http2: false, reusePort: false },
]

/** An object as it is; a text as the `address` of one. */
const asObject = (value: unknown): unknown => (typeof value === 'string' ? { address: value } : value)

function readListener(value: unknown, path: string, problems: string[]): ResolvedListener | undefined {
  const reader = new ConfigReader(asObject(value), path, problems)
  const text = reader.text('address') ?? ''
  const address = parseListenAddress(text)
  const files = reader.has('tls') ? reader.object('tls') : undefined
  const tls = files === undefined ? undefined : readTls(files)
  const http2 = reader.flag('http2', tls !== undefined)
  const reusePort = reader.flag('reusePort', false)
  reader.end()
  if (address === undefined) return reader.problem('address', listenForm(text))
  return { address, tls, http2, reusePort }
}

function readTls(reader: ConfigReader): ResolvedListener['tls'] {
  const certFile = reader.text('cert') ?? reader.problem('cert', 'the path of a PEM file')
  const keyFile = reader.text('key') ?? reader.problem('key', 'the path of a PEM file')
  reader.end()
  return { certFile: certFile ?? '', keyFile: keyFile ?? '' }
}

function readBackends(reader: ConfigReader, maxInFlight: number, problems: string[]): BackendSpec[] {
  const backends = reader.list('to', (value, path) => readBackend(value, path, maxInFlight, problems))
  const ids = backends.map(({ id }) => id)
  for (const id of new Set(ids.filter((each, at) => ids.indexOf(each) !== at)))
    problems.push(`to: two backends have the id ${shown(id)}; give each its own`)
  return backends
}

function readBackend(
  value: unknown,
  path: string,
  maxInFlight: number,
  problems: string[],
): BackendSpec | undefined {
  const reader = new ConfigReader(asObject(value), path, problems)
  const text = reader.text('address') ?? ''
  const address = parseBackendAddress(text)
  const tls = reader.has('tls') ? readBackendTls(reader.object('tls')) : undefined
  const spec = {
    id: reader.text('id'),
    maxInFlight: reader.count('maxInFlight', maxInFlight, 1),
    weight: reader.weight('weight', DEFAULT_WEIGHT),
  }
  const http2 = reader.flag('http2', false)
  reader.end()
  if (address === undefined) return reader.problem('address', backendForm(text))
  const secured = tls === undefined ? address : withTls(address, tls)
  if (secured === undefined) return reader.problem('tls', TLS_FORM)
  const place = http2 ? withHttp2(secured) : secured
  if (place === undefined) return reader.problem('http2', HTTP2_FORM)
  return { ...spec, address: place, id: spec.id ?? addressText(address) }
}

/** What is accepted as `http2` of one backend, for messages. */
export const HTTP2_FORM = 'nothing, as TLS is spoken there'

/** The address with HTTP/2 beside HTTP/1.1; `undefined` where it is not spoken in plain text. */
export function withHttp2(address: BackendAddress): BackendAddress | undefined {
  if (address.kind === 'unix') return { ...address, http2: 'also' }
  return address.tls === undefined ? { http2: 'also', ...address } : undefined
}

/** What is accepted as TLS of one backend, for messages. */
export const TLS_FORM = 'nothing, as the address does not begin with https://'

/** The address with TLS of its own; `undefined` when none is spoken there. */
export function withTls(address: BackendAddress, own: BackendTlsConfig): BackendAddress | undefined {
  if (address.kind === 'unix' || address.tls === undefined) return undefined
  return { ...address, tls: { ...address.tls, own } }
}

/** @returns only what is said */
export function readBackendTls(reader: ConfigReader): BackendTlsConfig {
  const texts = (['ca', 'cert', 'key', 'serverName'] as const).flatMap((key) => {
    const text = reader.text(key)
    return text === undefined ? [] : [[key, text] as const]
  })
  const verify = reader.has('verify') ? { verify: reader.flag('verify', true) } : {}
  reader.end()
  return { ...Object.fromEntries(texts), ...verify }
}

function readPolicy(
  reader: ConfigReader,
  problems: string[],
): Pick<ResolvedConfig, 'policy' | 'hashKey' | 'stickyCookie' | 'stickyKey' | 'learnedField'> {
  const policy = reader.oneOf('policy', POLICIES, DEFAULT_POLICY)
  const { cookie, key } = readStickyCookie(reader.raw('stickyCookie'), problems)
  const stickyCookie = policy === 'sticky' ? cookie : undefined
  const learnedField = readLearnedField(reader.raw('learnedField'), problems)
  return { policy, hashKey: readHashKey(reader), stickyCookie, stickyKey: key, learnedField }
}

function readHashKey(reader: ConfigReader): HashKey {
  const text = reader.text('hashKey') ?? 'ip'
  const [, kind, name = ''] = /^(ip|header|cookie)(?::([\w!#$%&'*+.^`|~-]+))?$/.exec(text) ?? []
  if (kind === 'header' && name !== '') return byHeader(name)
  if (kind === 'cookie' && name !== '') return byCookie(name)
  if (kind !== 'ip' || name !== '') reader.problem('hashKey', 'ip, header:NAME or cookie:NAME')
  return byAddress
}

function readQueue(reader: ConfigReader): Pick<ResolvedConfig, 'queueLength' | 'queueTimeoutMs'> {
  const queue = {
    queueLength: reader.count('length', DEFAULT_QUEUE_LENGTH),
    queueTimeoutMs: reader.duration('timeout', DEFAULT_QUEUE_TIMEOUT_MS),
  }
  reader.end()
  return queue
}

function readEjection(reader: ConfigReader): EjectionOptions {
  const ejection = {
    after: reader.count('after', DEFAULT_EJECT_AFTER, 1),
    minMs: reader.duration('min', DEFAULT_EJECT_MIN_MS),
    maxMs: reader.duration('max', DEFAULT_EJECT_MAX_MS),
    share: DEFAULT_EJECT_SHARE,
  }
  reader.end()
  return ejection
}

function readHealth(reader: ConfigReader): HealthSettings | undefined {
  const path = reader.text('path')
  const host = reader.text('host')
  if (host !== undefined && !isAuthority(Buffer.from(host), 0, host.length))
    reader.problem('host', 'a host such as shop.example or shop.example:8080')
  const method = reader.text('method')
  if (method !== undefined && !isCheckMethod(method))
    reader.problem('method', 'a method such as GET, HEAD or OPTIONS')
  const body = reader.text('body')
  if (body !== undefined && method === 'HEAD') reader.problem('body', 'none, as HEAD is answered without')
  const port = reader.has('port') ? reader.count('port', 0, 1) : undefined
  if (port !== undefined && port > 65_535) reader.problem('port', 'a port up to 65535')
  const health = {
    method: method ?? 'GET',
    host,
    statuses: readStatuses(reader),
    body,
    port,
    tls: reader.has('tls') ? reader.flag('tls', false) : undefined,
    intervalMs: reader.duration('interval', DEFAULT_HEALTH_INTERVAL_MS),
    timeoutMs: reader.duration('timeout', DEFAULT_HEALTH_TIMEOUT_MS),
    rise: reader.count('rise', DEFAULT_HEALTH_RISE, 1),
    fall: reader.count('fall', DEFAULT_HEALTH_FALL, 1),
  }
  reader.end()
  if (path === undefined) return undefined
  if (!/^\/[\x21\x22\x24-\x7e]*$/.test(path)) return reader.problem('path', 'a path that starts with /')
  return { path, ...health }
}

/** A token (RFC 9110 §9.1); CONNECT and TRACE ask for something else than an answer. */
function isCheckMethod(text: string): boolean {
  return /^[\w!#$%&'*+.^`|~-]+$/.test(text) && !/^(?:CONNECT|TRACE)$/i.test(text)
}

function readStatuses(reader: ConfigReader): readonly StatusRange[] {
  const ranges = reader.list('status', (value) => statusRange(value) ?? 'none')
  if (ranges.includes('none')) reader.problem('status', 'statuses such as 200, "200-399" or a list of them')
  const known = ranges.filter((range) => range !== 'none')
  return known.length === 0 ? DEFAULT_HEALTH_STATUSES : known
}

function statusRange(value: unknown): StatusRange | undefined {
  const [, from, to = from] = /^([1-5]\d\d)(?:-([1-5]\d\d))?$/.exec(String(value)) ?? []
  const range = { from: Number(from), to: Number(to) }
  return range.from <= range.to ? range : undefined
}

function readHosts(reader: ConfigReader): AllowedHosts | undefined {
  if (!reader.has('allowHosts')) return undefined
  const names = reader.words('allowHosts', [])
  if (!names.every(isAllowableHost))
    return reader.problem('allowHosts', 'names such as shop.example or *.shop.example')
  return names.includes('*') ? undefined : new AllowedHosts(names)
}

function readTimeouts(reader: ConfigReader): Timeouts {
  const timeouts = {
    ...DEFAULT_TIMEOUTS,
    headerMs: reader.duration('header', DEFAULT_TIMEOUTS.headerMs),
    bodyIdleMs: reader.duration('body', DEFAULT_TIMEOUTS.bodyIdleMs),
    clientIdleMs: reader.duration('idle', DEFAULT_TIMEOUTS.clientIdleMs),
    writeIdleMs: reader.duration('write', DEFAULT_TIMEOUTS.writeIdleMs),
    connectMs: reader.duration('connect', DEFAULT_TIMEOUTS.connectMs),
    responseMs: reader.duration('response', DEFAULT_TIMEOUTS.responseMs),
    responseIdleMs: reader.duration('responseIdle', DEFAULT_TIMEOUTS.responseIdleMs),
    totalMs: reader.duration('total', DEFAULT_TIMEOUTS.totalMs),
    tunnelIdleMs: reader.duration('tunnel', DEFAULT_TIMEOUTS.tunnelIdleMs),
    tunnelEndMs: reader.duration('tunnelEnd', DEFAULT_TIMEOUTS.tunnelEndMs),
    upstreamIdleMs: reader.duration('upstreamIdle', DEFAULT_TIMEOUTS.upstreamIdleMs),
    drainMs: reader.duration('drain', DEFAULT_TIMEOUTS.drainMs),
  }
  reader.end()
  return timeouts
}

function readLimits(reader: ConfigReader): Limits {
  const maxConnections = reader.count('connections', DEFAULT_LIMITS.maxConnections, 1)
  const maxConnectionsPerAddress = reader.count(
    'connectionsPerAddress',
    DEFAULT_LIMITS.maxConnectionsPerAddress,
    1,
  )
  const maxHeadBytes = reader.size('head', DEFAULT_LIMITS.maxHeadBytes)
  const limits = {
    ...DEFAULT_LIMITS,
    maxLineBytes: reader.size('line', maxHeadBytes),
    maxHeadBytes,
    maxFields: reader.count('fields', DEFAULT_LIMITS.maxFields, 1),
    maxBodyBytes: reader.size('body', DEFAULT_LIMITS.maxBodyBytes),
    minBodyBytesPerSecond: reader.count('bodyRate', DEFAULT_LIMITS.minBodyBytesPerSecond),
    minResponseBytesPerSecond: reader.count('responseRate', DEFAULT_LIMITS.minResponseBytesPerSecond),
    maxRequestBufferBytes: reader.size('requestBuffer', DEFAULT_LIMITS.maxRequestBufferBytes),
    maxResponseBufferBytes: reader.size('responseBuffer', DEFAULT_LIMITS.maxResponseBufferBytes),
    maxBufferedBytes: reader.size('buffers', DEFAULT_LIMITS.maxBufferedBytes),
    maxResponseHeadBytes: reader.size('responseHead', DEFAULT_LIMITS.maxResponseHeadBytes),
    maxConnections,
    maxConnectionsPerAddress,
    maxLongLivedPerBackend: reader.count('longLived', partOf(maxConnections), 1),
    maxLongLivedPerAddress: reader.count('longLivedPerAddress', partOf(maxConnectionsPerAddress), 1),
  }
  reader.end()
  return limits
}

/** What may last long of so many connections. */
const partOf = (connections: number): number => Math.max(1, Math.floor(connections * LONG_LIVED_SHARE))

function readForwarding(reader: ConfigReader): Forwarding {
  const forwarding = {
    trustedProxies: new AddressBlocks(reader.addressBlocks('trust')),
    clientFields: new Set(reader.words('clientFields', []).map((name) => name.toLowerCase())),
    forwarded: reader.flag('forwarded', false),
    via: reader.text('via'),
    acceptRequestId: reader.flag('acceptRequestId', false),
    exposeRequestId: reader.flag('exposeRequestId', true),
    requestTrailers: reader.flag('requestTrailers', false),
    underscores: reader.oneOf('underscores', UNDERSCORES, DEFAULT_UNDERSCORES),
  }
  reader.end()
  return forwarding
}

function readAdmin(reader: ConfigReader): string | undefined {
  const text = reader.text('admin')
  if (text === undefined) return undefined
  const address = parseBackendAddress(text)
  return address?.kind === 'unix' ? address.path : reader.problem('admin', adminForm(text))
}

/** An address of its own, so that the metrics are not reachable where requests arrive. */
function readMetrics(reader: ConfigReader, listeners: readonly ResolvedListener[]): TcpAddress | undefined {
  const text = reader.text('metrics')
  if (text === undefined) return undefined
  const address = /^(?:http:)/.test(text) ? undefined : parseListenAddress(text)
  if (address?.kind !== 'tcp' || !text.includes(':') || text.startsWith(':'))
    return reader.problem('metrics', 'HOST:PORT, such as 127.0.0.1:9090')
  const isPublic = listeners.some(({ address: each }) => each.kind === 'tcp' && each.port === address.port)
  if (isPublic && address.port !== 0) return reader.problem('metrics', 'a port nothing else listens on')
  return address
}

const FORMATS = ['none', 'text', 'json'] as const

function readAccessLog(reader: ConfigReader, problems: string[]): ResolvedConfig['accessLog'] {
  const value = reader.raw('accessLog')
  const asFields = typeof value === 'string' ? { format: value } : value
  const log = new ConfigReader(asFields, 'accessLog', problems)
  const resolved = {
    file: log.text('file'),
    format: log.oneOf('format', FORMATS, log.has('file') ? 'json' : 'none'),
  }
  log.end()
  return resolved
}
