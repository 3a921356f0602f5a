import type {
  BalancerConfig,
  HalfClose,
  LearnedFieldConfig,
  ListenerConfig,
  PolicyName,
  StickyCookieConfig,
} from '@rip/balancer'
import type { Settings } from '../settings/settings.ts'
import type { CertificateFiles } from './lent-certificate.ts'

/**
 * With it, a worker whose event loop stands still gets hardly any more requests, long before it is known to be stuck.
 */
const DEFAULT_POLICY: PolicyName = 'least-requests'

/** A worker ends the connection without an answer for a method it does not know, which would look like its failure. */
const DEFAULT_UNKNOWN_METHODS = 'refuse'

/** Workers listen for a client that leaves, and their applications can then stop costly work. */
const DEFAULT_HALF_CLOSE: HalfClose = 'tell'

/** Servers of start commands do not listen for that: they see the connection end, as with other proxies. */
const COMMAND_HALF_CLOSE: HalfClose = 'abort'

/** Workers see names of fields as they were sent, and tell underscores from hyphens. */
const DEFAULT_UNDERSCORES = 'pass'

/**
 * How much longer than the workers the balancer waits for requests that do not finish. Workers report what they cut
 * off; after that, only clients that do not read their response are left.
 */
const AFTER_WORKERS_MS = 2_000

export interface BalancerPlace {
  /** Where it listens, once or several times: `HOST:PORT`, `unix:PATH` or `fd:N`. */
  readonly listen: string | readonly string[]
  readonly adminPath: string
  /** Names it answers to, besides `localhost` and addresses; absent for all. */
  readonly allowHosts?: readonly string[] | undefined
  /**
   * Key of the cookies of `sticky`, unless the file gives one: with it, clients keep their backend when the balancer is
   * replaced, and at the other balancers of the instance.
   */
  readonly stickyKey?: string
  /** File by which the balancers of the instance know what one of them has learned, unless the settings name one. */
  readonly learnedFile?: string
  /** What pages get in development; absent where they get nothing. */
  readonly pageScript?: BalancerConfig['pageScript']
  /** Paths of certificate and key that the balancer can read. @default those of the settings */
  readonly certificate?: CertificateFiles | undefined
  /** File for a copy of the certificate that serves, which the balancer can write. */
  readonly keptCertificate?: string
}

/** The configuration of a server's balancer: the flags over the file's `balancer`. */
export function balancerConfig(
  settings: Settings,
  {
    listen,
    adminPath,
    allowHosts,
    stickyKey,
    learnedFile,
    certificate,
    keptCertificate,
    pageScript,
  }: BalancerPlace,
): BalancerConfig {
  const {
    processes: _,
    policy = DEFAULT_POLICY,
    halfClose = settings.command === undefined ? DEFAULT_HALF_CLOSE : COMMAND_HALF_CLOSE,
    timeouts,
    limits,
    forwarding,
    stickyCookie,
    learnedField,
    accessLog = 'none',
    unknownMethods = DEFAULT_UNKNOWN_METHODS,
    ...options
  } = settings.balancer
  const { maxBodyBytes: body } = settings
  const { cert, key } = certificate ?? { cert: settings.tlsCert, key: settings.tlsKey }
  const kept = keptCertificate === undefined ? {} : { kept: keptCertificate }
  const tls = cert === undefined || key === undefined ? undefined : { cert, key, ...kept }
  return {
    ...options,
    policy,
    halfClose,
    listen: tls === undefined ? listen : secured(listen, tls),
    admin: `unix:${adminPath}`,
    waitForBackends: true,
    ...(allowHosts !== undefined && { allowHosts }),
    learnedField: {
      ...(learnedFile !== undefined && { sharedFile: learnedFile }),
      ...learnedFields(learnedField),
    },
    stickyCookie: { ...(stickyKey !== undefined && { key: stickyKey }), ...cookieFields(stickyCookie) },
    unknownMethods,
    ...(pageScript !== undefined && { pageScript }),
    forwarding: { underscores: DEFAULT_UNDERSCORES, ...forwarding },
    timeouts: { drain: settings.drainTimeoutMs + AFTER_WORKERS_MS, ...timeouts },
    limits: { ...limits, ...(body !== undefined && { body }) },
    accessLog: settings.accessLog ?? accessLog,
  }
}

function secured(
  listen: BalancerPlace['listen'],
  tls: NonNullable<ListenerConfig['tls']>,
): ListenerConfig | readonly ListenerConfig[] {
  return typeof listen === 'string' ? { address: listen, tls } : listen.map((address) => ({ address, tls }))
}

/** A text is short for an object with this name. */
export function cookieFields(cookie: BalancerConfig['stickyCookie']): StickyCookieConfig | undefined {
  return typeof cookie === 'string' ? { name: cookie } : cookie
}

/** The same for the field of `learn`. */
export function learnedFields(field: BalancerConfig['learnedField']): LearnedFieldConfig | undefined {
  return typeof field === 'string' ? { name: field } : field
}
