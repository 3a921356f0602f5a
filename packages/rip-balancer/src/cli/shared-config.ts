import { share } from '../admin/admin-relay.ts'
import { parseListenAddress } from '../config/address.ts'
import type { BackendConfig, BalancerConfig, LimitsConfig, ListenerConfig } from '../config/config.ts'
import { learnedFieldFields } from '../config/learned-field-config.ts'
import { stickyCookieFields } from '../config/sticky-cookie-config.ts'
import { DEFAULT_LIMITS, DEFAULT_LISTEN, DEFAULT_MAX_IN_FLIGHT, DEFAULT_QUEUE_LENGTH } from '../defaults.ts'

/** What differs between the processes of a group. */
export interface SharedConfigOptions {
  readonly processes: number
  /** Socket of the process's own admin API. */
  readonly adminPath: string
  /** What the names of backends in cookies are made with, unless the configuration has a key. */
  readonly stickyKey: string
  /** File of the memory in which the learn policy finds what another process has learned. */
  readonly learnedFile: string
  /** Addresses in the order of the listeners, once the first process knows them. */
  readonly bound: readonly string[]
  /** Queue requests until the group has sent the process its backends. */
  readonly waitForBackends: boolean
}

/**
 * The configuration of one process of a group: limits are divided, so that together they are what was asked for,
 * TCP ports are shared. A limit that cannot be divided is 1 in each.
 */
export function sharedConfig(
  // The parent tells the metrics of all.
  { metrics: _, ...config }: BalancerConfig,
  options: SharedConfigOptions,
): BalancerConfig {
  const { processes } = options
  const part = (count: number): number => share(count, processes)
  return {
    ...config,
    listen: listenersOf(config).map((each, at) => shareListener(each, options.bound[at])),
    to: backendsOf(config).map((each) => shareBackend(each, part)),
    maxInFlight: part(config.maxInFlight ?? DEFAULT_MAX_IN_FLIGHT),
    queue: { ...config.queue, length: part(config.queue?.length ?? DEFAULT_QUEUE_LENGTH) },
    limits: {
      ...config.limits,
      connections: part(config.limits?.connections ?? DEFAULT_LIMITS.maxConnections),
      connectionsPerAddress: part(
        config.limits?.connectionsPerAddress ?? DEFAULT_LIMITS.maxConnectionsPerAddress,
      ),
      ...shareLongLived(config.limits, part),
    },
    learnedField: { sharedFile: options.learnedFile, ...learnedFieldFields(config.learnedField) },
    stickyCookie: { key: options.stickyKey, ...stickyCookieFields(config.stickyCookie) },
    admin: `unix:${options.adminPath}`,
    ...(options.waitForBackends && { waitForBackends: true }),
  }
}

/** Where nothing is said, they follow from the connections of the process. */
function shareLongLived(
  { longLived, longLivedPerAddress }: LimitsConfig = {},
  part: (count: number) => number,
): LimitsConfig {
  return {
    ...(longLived !== undefined && { longLived: part(longLived) }),
    ...(longLivedPerAddress !== undefined && { longLivedPerAddress: part(longLivedPerAddress) }),
  }
}

/** The listeners of a configuration as objects. */
export function listenersOf({ listen = DEFAULT_LISTEN }: BalancerConfig): ListenerConfig[] {
  const all: readonly (string | ListenerConfig)[] = isList(listen) ? listen : [listen]
  return all.map((each) => (typeof each === 'string' ? { address: each } : each))
}

function backendsOf({ to = [] }: BalancerConfig): readonly (string | BackendConfig)[] {
  return isList(to) ? to : [to]
}

/** `Array.isArray` does not narrow readonly lists. */
const isList = <T>(value: T | readonly T[]): value is readonly T[] => Array.isArray(value)

function shareListener(listener: ListenerConfig, bound: string | undefined): ListenerConfig {
  if (listener.address.startsWith('fd:')) return listener
  return { ...listener, address: portOf(bound, listener.address), reusePort: true }
}

/** The address as it was declared, at the port the first process got: its URL names a wildcard as `localhost`, which is less. */
function portOf(bound: string | undefined, declared: string): string {
  const address = parseListenAddress(declared)
  const port = /:(\d+)$/.exec(bound ?? '')?.[1]
  if (address?.kind !== 'tcp' || port === undefined) return declared
  return `${address.host.includes(':') ? `[${address.host}]` : address.host}:${port}`
}

function shareBackend(
  backend: string | BackendConfig,
  part: (count: number) => number,
): string | BackendConfig {
  if (typeof backend === 'string' || backend.maxInFlight === undefined) return backend
  return { ...backend, maxInFlight: part(backend.maxInFlight) }
}
