import { isAbsolute, resolve } from 'node:path'
import type { BalancerConfig } from '@rip/balancer'
import { configProblems } from '@rip/balancer/supervisor'
import { sizeBytes } from '@rip/balancer/text'

/** Options of the balancer that the server itself sets. */
type Decided =
  | 'listen'
  | 'to'
  | 'backendTls'
  | 'pool'
  | 'admin'
  | 'maxInFlight'
  | 'waitForBackends'
  | 'health'
  | 'allowHosts'

/** Why a configuration cannot set them. */
const DECIDED: Readonly<Record<Decided, string>> = {
  listen: 'port and bind say where it listens',
  to: 'the workers are its backends',
  backendTls: 'the workers are on this machine',
  pool: 'there is one pool',
  admin: 'the socket is in the run directory',
  maxInFlight: 'concurrency says how many requests a worker takes',
  waitForBackends: 'it always waits for the workers',
  health: 'the manager knows how its workers are',
  allowHosts: 'allowHosts beside it says which hosts a development server answers',
}

/** The balancer's options in `rip-server.config`; see the README of `@rip/balancer` for each with its default. */
export interface BalancerSettings extends Omit<BalancerConfig, Decided> {
  /** Balancer processes that share the listening socket. @default 1 */
  readonly processes?: number
}

const MAX_PROCESSES = 64
/** Bun's server takes 198 fields, a dozen of which the balancer may add; it knows no option for more. */
const MAX_FIELDS = 186

/** Longest head of a request: Bun's server makes room for one in each process that is spoken to in HTTP/2. */
export const MAX_HEAD_BYTES: number = 2 ** 20

/** Every problem of the file's `balancer`, each with its path in there. */
export function balancerProblems(value: unknown): readonly string[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return [`expected an object, got ${JSON.stringify(value)}`]
  }
  const { processes, ...config } = value as BalancerSettings
  const decided = Object.entries(DECIDED).filter(([key]) => key in config)
  const rest = Object.fromEntries(Object.entries(config).filter(([key]) => !(key in DECIDED)))
  return [
    ...decided.map(([key, why]) => `${key}: cannot be set here; ${why}`),
    ...(processes === undefined || isProcessCount(processes)
      ? []
      : [`processes: expected a whole number from 1 to ${MAX_PROCESSES}, got ${JSON.stringify(processes)}`]),
    ...(fieldsOf(rest) > MAX_FIELDS
      ? [`limits.fields: workers take no more than ${MAX_FIELDS}, got ${fieldsOf(rest)}`]
      : []),
    ...(bytesOf(headOf(rest)) > MAX_HEAD_BYTES
      ? [`limits.head: workers take no more than 1MiB, got ${headOf(rest)}`]
      : []),
    ...configProblems(rest),
  ]
}

const fieldsOf = ({ limits }: BalancerSettings): number => limits?.fields ?? 0

const headOf = ({ limits }: BalancerSettings): number | string => limits?.head ?? 0

const bytesOf = (size: number | string): number => (typeof size === 'number' ? size : (sizeBytes(size) ?? 0))

const isProcessCount = (value: unknown): boolean =>
  Number.isInteger(value) && (value as number) >= 1 && (value as number) <= MAX_PROCESSES

/** The settings with the path of the access log resolved from the folder of the configuration. */
export function locatedBalancer(settings: BalancerSettings, folder: string): BalancerSettings {
  const { accessLog } = settings
  if (typeof accessLog !== 'object' || accessLog.file === undefined || isAbsolute(accessLog.file))
    return settings
  return { ...settings, accessLog: { ...accessLog, file: resolve(folder, accessLog.file) } }
}
