import {
  DEFAULT_EJECT_AFTER,
  DEFAULT_EJECT_MAX_MS,
  DEFAULT_EJECT_MIN_MS,
  DEFAULT_EJECT_SHARE,
  DEFAULT_HALF_CLOSE,
  DEFAULT_MAX_IN_FLIGHT,
  DEFAULT_POLICY,
  DEFAULT_POOL,
  DEFAULT_QUEUE_LENGTH,
  DEFAULT_QUEUE_TIMEOUT_MS,
  DEFAULT_RETRIES,
  DEFAULT_SLOW_START_MS,
  DEFAULT_UNDERSCORES,
  DEFAULT_UNKNOWN_METHODS,
  DEFAULT_UPGRADES,
  DEFAULT_WORKER_PROTOCOL,
} from '../defaults.ts'
import { BalancerError } from '../errors.ts'
import { byAddress, byCookie, byHeader, type HashKey } from '../forwarding/affinity.ts'
import { UNDERSCORES, type AddressSet, type Forwarding } from '../settings/forwarding.ts'
import type { HealthSettings } from '../settings/health.ts'
import { HALF_CLOSES, type HalfClose } from '../settings/half-close.ts'
import { WORKER_PROTOCOLS, type WorkerProtocol } from '../settings/worker-protocol.ts'
import type { Limits } from '../settings/limits.ts'
import type { Timeouts } from '../settings/timeouts.ts'
import { UNKNOWN_METHODS, type UnknownMethods } from '../settings/unknown-methods.ts'
import type { LearnedFieldOptions } from '../settings/learned-field.ts'
import type { StickyCookieOptions } from '../settings/sticky-cookie.ts'
import type { AccessLogFormat } from '../settings/access-log-format.ts'
import type { BackendSpec } from '../pool/pooled-backend.ts'
import { POLICIES, type PolicyName } from '../pool/policy.ts'
import type { EjectionOptions, PoolSettings } from '../pool/pool-options.ts'
import { adminForm, parseBackendAddress, parseListenAddress, type TcpAddress } from './address.ts'
import { canPeek } from '../transport/peek.ts'
import { AllowedHosts, isAllowableHost } from './allowed-hosts.ts'
import { AddressBlocks } from './address-blocks.ts'
import type { BackendTlsConfig } from '../settings/backend-tls.ts'
import type { BalancerConfig } from './config.ts'
import { ConfigReader } from './config-reader.ts'
import { readLearnedField } from './learned-field-config.ts'
import { readStickyCookie } from './sticky-cookie-config.ts'
import { readBackend, readBackends, readBackendTls, type BackendDefaults } from './backend-config.ts'
import { readHealth } from './health-config.ts'
import { readLimits } from './limits-config.ts'
import { defaultListeners, readListener, type ResolvedListener } from './listener-config.ts'
import { readPageScript, type PageScriptOptions } from './page-script-config.ts'
import { readTimeouts } from './timeouts-config.ts'

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
  readonly pageScript: PageScriptOptions | undefined
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
export function resolveBackends(
  list: BalancerConfig['to'],
  defaults: BackendDefaults,
): readonly BackendSpec[] {
  const problems: string[] = []
  const reader = new ConfigReader({ to: list }, '', problems)
  const backends = reader.list('to', (value, path) => readBackend(value, path, defaults, problems))
  if (problems.length > 0) throw new BalancerError('CONFIG_INVALID', { problems })
  return backends
}

/** What holds for backends that say nothing of it: who asks for HTTP/2 in plain text by `workerProtocol` gets it. */
export function backendDefaults({ maxInFlight, workerProtocol }: BackendDefaultsSource): BackendDefaults {
  return { maxInFlight, http2: workerProtocol === 'h2c' }
}

type BackendDefaultsSource = Pick<ResolvedConfig, 'maxInFlight' | 'workerProtocol'>

function read(reader: ConfigReader, problems: string[]): ResolvedConfig {
  const maxInFlight = reader.count('maxInFlight', DEFAULT_MAX_IN_FLIGHT, 1)
  const workerProtocol = reader.oneOf('workerProtocol', WORKER_PROTOCOLS, DEFAULT_WORKER_PROTOCOL)
  const listeners = reader.list('listen', (value, path) => readListener(value, path, problems))
  const proxies = reader.addressBlocks('proxyProtocolFrom')
  if (proxies.length > 0 && listeners.some(({ tls }) => tls !== undefined) && !canPeek())
    problems.push('proxyProtocolFrom: a header in front of TLS can be read on Linux only')
  return {
    listeners: reader.has('listen') ? listeners : defaultListeners(),
    backends: readBackends(reader, backendDefaults({ maxInFlight, workerProtocol }), problems),
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
    pageScript: readPageScript(reader.object('pageScript')),
    upgrades: reader.words('upgrades', DEFAULT_UPGRADES).map((name) => name.toLowerCase()),
    unknownMethods: reader.oneOf('unknownMethods', UNKNOWN_METHODS, DEFAULT_UNKNOWN_METHODS),
    halfClose: reader.oneOf('halfClose', HALF_CLOSES, DEFAULT_HALF_CLOSE),
    workerProtocol,
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

function readHosts(reader: ConfigReader): AllowedHosts | undefined {
  if (!reader.has('allowHosts')) return undefined
  const names = reader.words('allowHosts', [])
  if (!names.every(isAllowableHost))
    return reader.problem('allowHosts', 'names such as shop.example or *.shop.example')
  return names.includes('*') ? undefined : new AllowedHosts(names)
}

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
