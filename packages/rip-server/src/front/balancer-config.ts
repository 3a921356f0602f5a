import type { BalancerConfig, HalfClose, PolicyName, StickyCookieConfig } from '@rip/balancer'
import type { Settings } from '../settings/settings.ts'
import type { CertificateFiles } from './lent-certificate.ts'

/** A worker that stands still keeps what it has and gets hardly more, long before it is known to be stuck. */
const DEFAULT_POLICY: PolicyName = 'least-requests'

/** A worker ends the connection of a method it does not know without an answer, which looks like its failure. */
const DEFAULT_UNKNOWN_METHODS = 'refuse'

/** Our workers listen for it, and their applications may be at work that is paid for. */
const DEFAULT_HALF_CLOSE: HalfClose = 'tell'

/** Our workers see names of fields as they were sent, and tell underscores from hyphens. */
const DEFAULT_UNDERSCORES = 'pass'

/**
 * How much longer than the workers it waits for what does not finish. They know what they cut off; what is left after
 * that are clients that do not take their response.
 */
const AFTER_WORKERS_MS = 2_000

export interface BalancerPlace {
  /** Where it listens: `HOST:PORT`, `unix:PATH` or `fd:N`. */
  readonly listen: string
  readonly adminPath: string
  /** Names it answers to, besides `localhost` and addresses; absent for all. */
  readonly allowHosts?: readonly string[] | undefined
  /** What a cookie of `sticky` is made with, unless the file says: a balancer that is replaced leaves clients where they are. */
  readonly stickyKey?: string
  /** Where certificate and key are for it to read. @default where the settings say */
  readonly certificate?: CertificateFiles | undefined
}

/** What the balancer of a server is configured with: the flags over the file's `balancer`. */
export function balancerConfig(
  settings: Settings,
  { listen, adminPath, allowHosts, stickyKey, certificate }: BalancerPlace,
): BalancerConfig {
  const {
    processes: _,
    policy = DEFAULT_POLICY,
    halfClose = DEFAULT_HALF_CLOSE,
    timeouts,
    limits,
    forwarding,
    stickyCookie,
    accessLog = 'none',
    unknownMethods = DEFAULT_UNKNOWN_METHODS,
    ...options
  } = settings.balancer
  const { maxBodyBytes: body } = settings
  const { cert, key } = certificate ?? { cert: settings.tlsCert, key: settings.tlsKey }
  const tls = cert === undefined || key === undefined ? undefined : { cert, key }
  return {
    ...options,
    policy,
    halfClose,
    listen: tls === undefined ? listen : { address: listen, tls },
    admin: `unix:${adminPath}`,
    waitForBackends: true,
    ...(allowHosts !== undefined && { allowHosts }),
    stickyCookie: { ...(stickyKey !== undefined && { key: stickyKey }), ...cookieFields(stickyCookie) },
    unknownMethods,
    forwarding: { underscores: DEFAULT_UNDERSCORES, ...forwarding },
    timeouts: { drain: settings.drainTimeoutMs + AFTER_WORKERS_MS, ...timeouts },
    limits: { ...limits, ...(body !== undefined && { body }) },
    accessLog: settings.accessLog ?? accessLog,
  }
}

/** A name alone is short for an object with it. */
function cookieFields(cookie: BalancerConfig['stickyCookie']): StickyCookieConfig | undefined {
  return typeof cookie === 'string' ? { name: cookie } : cookie
}
