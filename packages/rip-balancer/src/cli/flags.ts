import type { BalancerConfig, ListenerConfig } from '../config/config.ts'
import { DEFAULT_LISTEN } from '../defaults.ts'
import { helpRows, wrapped } from '../text/help-layout.ts'
import { didYouMean } from '../text/suggestion.ts'
import { BalancerError } from '../errors.ts'
import { OPERATION_HELP, OPERATIONS } from './operations.ts'
import type { HalfClose } from '../settings/half-close.ts'
import type { WorkerProtocol } from '../settings/worker-protocol.ts'

/** A flag of the program: what it is called, what follows it, what it means, and what it does to a configuration. */
interface Flag {
  readonly name: string
  readonly value?: string
  readonly help: string
  apply(config: MutableConfig, value: string): void
}

type Writable<T> = { -readonly [K in keyof T]: T[K] }

interface MutableConfig extends Writable<Omit<BalancerConfig, 'listen' | 'to'>> {
  listen?: (string | ListenerConfig)[]
  to?: string[]
  processes?: number
  tlsCert?: string
  tlsKey?: string
  http2?: boolean
}

/** What the command line says. */
export interface ParsedFlags {
  readonly config: BalancerConfig
  readonly configFile: string | undefined
  /** Processes that share the sockets. */
  readonly processes: number
  readonly help: boolean
  readonly version: boolean
}

/** What is no number stays as it is, for the configuration to refuse it by its name and value. */
const asNumber = (text: string): number => (/^\d+$/.test(text) ? Number(text) : (text as unknown as number))

/** Likewise for anything but `on` and `off`. */
const asSwitch = (text: string): boolean => SWITCH[text] ?? (text as unknown as boolean)
const SWITCH: Readonly<Record<string, boolean>> = { on: true, off: false }

export const FLAGS: readonly Flag[] = [
  {
    name: 'listen',
    value: 'ADDRESS',
    help: 'HOST:PORT, :PORT, unix:PATH[?mode=0660&group=NAME], fd:N or fd:NAME; repeatable (127.0.0.1:8080)',
    apply: (config, value) => void (config.listen = [...(config.listen ?? []), value]),
  },
  {
    name: 'to',
    value: 'ADDRESS',
    help: 'backend, HOST:PORT, https://HOST:PORT, h2c://HOST:PORT or unix:PATH; repeatable',
    apply: (config, value) => void (config.to = [...(config.to ?? []), value]),
  },
  {
    name: 'policy',
    value: 'NAME',
    help: 'round-robin, least-requests, p2c, weighted, hash, sticky or learn (round-robin)',
    apply: (config, value) => void (config.policy = value as NonNullable<BalancerConfig['policy']>),
  },
  {
    name: 'max-in-flight',
    value: 'N',
    help: 'requests a backend takes at once (100)',
    apply: (config, value) => void (config.maxInFlight = asNumber(value)),
  },
  {
    name: 'queue',
    value: 'N',
    help: 'requests that wait when all backends are full (1024)',
    apply: (config, value) => void (config.queue = { ...config.queue, length: asNumber(value) }),
  },
  {
    name: 'queue-timeout',
    value: 'TIME',
    help: 'longest wait in the queue (30s)',
    apply: (config, value) => void (config.queue = { ...config.queue, timeout: value }),
  },
  {
    name: 'header-timeout',
    value: 'TIME',
    help: 'first byte to the end of a request head (10s)',
    apply: (config, value) => void (config.timeouts = { ...config.timeouts, header: value }),
  },
  {
    name: 'body-timeout',
    value: 'TIME',
    help: 'silence within a request body (30s)',
    apply: (config, value) => void (config.timeouts = { ...config.timeouts, body: value }),
  },
  {
    name: 'response-timeout',
    value: 'TIME',
    help: 'end of a request to its response, and silence within it (60s)',
    apply: (config, value) =>
      void (config.timeouts = { ...config.timeouts, response: value, responseIdle: value }),
  },
  {
    name: 'idle-timeout',
    value: 'TIME',
    help: 'silence between two requests of a client (75s)',
    apply: (config, value) => void (config.timeouts = { ...config.timeouts, idle: value }),
  },
  {
    name: 'connect-timeout',
    value: 'TIME',
    help: 'connecting to a backend (3s)',
    apply: (config, value) => void (config.timeouts = { ...config.timeouts, connect: value }),
  },
  {
    name: 'drain-timeout',
    value: 'TIME',
    help: 'longest time for requests under way at a stop (30s)',
    apply: (config, value) => void (config.timeouts = { ...config.timeouts, drain: value }),
  },
  {
    name: 'max-body',
    value: 'SIZE',
    help: 'request body (10MiB)',
    apply: (config, value) => void (config.limits = { ...config.limits, body: value }),
  },
  {
    name: 'max-connections',
    value: 'N',
    help: 'client connections (10000)',
    apply: (config, value) => void (config.limits = { ...config.limits, connections: asNumber(value) }),
  },
  {
    name: 'retries',
    value: 'N',
    help: 'attempts after the first, where repeating is safe (1)',
    apply: (config, value) => void (config.retries = asNumber(value)),
  },
  {
    name: 'unknown-methods',
    value: 'WHAT',
    help: 'pass them to the backend, or refuse them with 501 (pass)',
    apply: (config, value) =>
      void (config.unknownMethods = value as NonNullable<BalancerConfig['unknownMethods']>),
  },
  {
    name: 'worker-protocol',
    value: 'auto|h2c|http1',
    help: 'HTTP/2 in plain text to backends: when they say that they take it, always, or never (auto)',
    apply: (config, value) => void (config.workerProtocol = value as WorkerProtocol),
  },
  {
    name: 'half-close',
    value: 'answer|tell|abort',
    help: 'clients that end their side and wait: answer them, tell the backend as well, or abort (answer)',
    apply: (config, value) => void (config.halfClose = value as HalfClose),
  },
  {
    name: 'health',
    value: 'PATH',
    help: 'path each backend must answer with 2xx (off)',
    apply: (config, value) => void (config.health = { ...config.health, path: value }),
  },
  {
    name: 'health-host',
    value: 'NAME',
    help: 'Host field of the health check (the address)',
    apply: (config, value) => void (config.health = { ...config.health, host: value }),
  },
  {
    name: 'backend-ca',
    value: 'FILE',
    help: 'authorities that sign the certificates of https:// backends, PEM (those Mozilla trusts)',
    apply: (config, value) => void (config.backendTls = { ...config.backendTls, ca: value }),
  },
  {
    name: 'backend-cert',
    value: 'FILE',
    help: 'certificate shown to https:// backends, PEM (none)',
    apply: (config, value) => void (config.backendTls = { ...config.backendTls, cert: value }),
  },
  {
    name: 'backend-key',
    value: 'FILE',
    help: 'its key, PEM',
    apply: (config, value) => void (config.backendTls = { ...config.backendTls, key: value }),
  },
  {
    name: 'backend-name',
    value: 'NAME',
    help: 'name in the certificates of https:// backends (the host)',
    apply: (config, value) => void (config.backendTls = { ...config.backendTls, serverName: value }),
  },
  {
    name: 'trust',
    value: 'CIDR',
    help: 'proxies whose X-Forwarded-* are believed; repeatable (none)',
    apply: (config, value) =>
      void (config.forwarding = { trust: [...(config.forwarding?.trust ?? []), value] }),
  },
  {
    name: 'allow-host',
    value: 'NAME',
    help: 'answer only this name, or *.NAME, besides localhost; repeatable (all)',
    apply: (config, value) => void (config.allowHosts = [...(config.allowHosts ?? []), value]),
  },
  {
    name: 'tls-cert',
    value: 'FILE',
    help: 'certificate chain, PEM; makes the TCP listeners HTTPS',
    apply: (config, value) => void (config.tlsCert = value),
  },
  {
    name: 'tls-key',
    value: 'FILE',
    help: 'private key, PEM',
    apply: (config, value) => void (config.tlsKey = value),
  },
  {
    name: 'http2',
    value: 'on|off',
    help: 'HTTP/2 to clients that choose it by ALPN, without TLS to those that begin with it (on with TLS)',
    apply: (config, value) => void (config.http2 = asSwitch(value)),
  },
  {
    name: 'admin',
    value: 'unix:PATH',
    help: 'socket of the admin API (off)',
    apply: (config, value) => void (config.admin = value),
  },
  {
    name: 'metrics',
    value: 'HOST:PORT',
    help: 'address of GET /metrics over TCP, for every client that can connect there (off)',
    apply: (config, value) => void (config.metrics = value),
  },
  {
    name: 'processes',
    value: 'N',
    help: 'processes on the same sockets, operated as one (1)',
    apply: (config, value) => void (config.processes = asNumber(value)),
  },
  {
    name: 'wait-for-backends',
    help: 'queue requests while there is no backend',
    apply: (config) => void (config.waitForBackends = true),
  },
  {
    name: 'accept-when-routed',
    help: 'accept no connection before the first cut to a generation',
    apply: (config) => void (config.acceptWhenRouted = true),
  },
  {
    name: 'access-log',
    value: 'FORMAT',
    help: 'none, text or json, to standard output (none)',
    apply: (config, value) =>
      void (config.accessLog = value as NonNullable<BalancerConfig['accessLog']> & string),
  },
]

const CONFIG_HELP =
  'JSON file (comments and trailing commas allowed) with the whole configuration, read again on SIGHUP; flags win over it'

/**
 * Reads a command line.
 *
 * @param passed addresses of sockets from a service manager, which get the certificate if no address is given
 * @throws `USAGE` for what is not a flag or lacks its value
 */
export function parseFlags(words: readonly string[], passed: readonly string[]): ParsedFlags {
  const config: MutableConfig = {}
  let configFile: string | undefined
  for (let at = 0; at < words.length; at++) {
    const word = words[at]!
    if (word === '-h' || word === '--help') return { ...NOTHING, help: true }
    if (word === '-V' || word === '--version') return { ...NOTHING, version: true }
    const [, name = '', inline] = /^--([^=]+)(?:=(.*))?$/s.exec(word) ?? []
    const flag = FLAGS.find((each) => each.name === name)
    if (flag === undefined && name !== 'config') throw unknown(word, name)
    if (flag !== undefined && flag.value === undefined) {
      flag.apply(config, '')
      continue
    }
    const value = inline ?? words[++at]
    if (value === undefined)
      throw new BalancerError('USAGE', {
        message: `--${name} needs a value: --${name} ${flag?.value ?? 'FILE'}`,
      })
    if (flag === undefined) configFile = value
    else flag.apply(config, value)
  }
  const { processes = 1, ...rest } = config
  if (!(processes >= 1))
    throw new BalancerError('USAGE', { message: `--processes needs a number from 1 on, got "${processes}"` })
  return { ...NOTHING, config: finish(rest, passed), configFile, processes }
}

/** Words of a command line that are flags of a balancer, with their values, and the others, in their order. */
export interface SplitWords {
  readonly balancer: readonly string[]
  readonly others: readonly string[]
}

/**
 * For a program that has flags of its own beside those of a balancer.
 *
 * @param own names of flags, without dashes, that mean something else there
 */
export function splitWords(words: readonly string[], own: ReadonlySet<string>): SplitWords {
  const balancer: string[] = []
  const others: string[] = []
  for (let at = 0; at < words.length; at++) {
    const word = words[at]!
    const [, name = '', inline] = /^--([^=]+)(=.*)?$/s.exec(word) ?? []
    const flag = own.has(name) ? undefined : FLAGS.find((each) => each.name === name)
    const value = flag?.value !== undefined && inline === undefined ? words.slice(at + 1, at + 2) : []
    ;(flag === undefined ? others : balancer).push(word, ...value)
    at += value.length
  }
  return { balancer, others }
}

const NOTHING: ParsedFlags = { config: {}, configFile: undefined, processes: 1, help: false, version: false }

function unknown(word: string, name: string): BalancerError {
  if (!word.startsWith('-'))
    return new BalancerError('USAGE', { message: `unknown command ${word}${didYouMean(word, OPERATIONS)}` })
  const known = [...FLAGS.map((each) => each.name), 'config', 'help', 'version']
  const hint = didYouMean(
    `--${name}`,
    known.map((each) => `--${each}`),
  )
  return new BalancerError('USAGE', {
    message: `unknown flag ${word}${hint}`,
  })
}

/** The certificate goes to every listener. */
function finish(
  { tlsCert, tlsKey, http2, ...config }: Omit<MutableConfig, 'processes'>,
  passed: readonly string[],
): BalancerConfig {
  if ((tlsCert === undefined) !== (tlsKey === undefined))
    throw new BalancerError('USAGE', { message: '--tls-cert and --tls-key go together' })
  const tls = tlsCert === undefined || tlsKey === undefined ? {} : { tls: { cert: tlsCert, key: tlsKey } }
  const options = { ...tls, ...(http2 !== undefined && { http2 }) }
  if (Object.keys(options).length === 0) return config
  const listen = config.listen ?? (passed.length === 0 ? [DEFAULT_LISTEN] : passed)
  return {
    ...config,
    listen: listen.map((each) => (typeof each === 'string' ? { address: each, ...options } : each)),
  }
}

/** The text of `--help`. */
export function helpText(program: string): string {
  const rows = [...FLAGS, { name: 'config', value: 'FILE', help: CONFIG_HELP }, ...COMMON].map(
    ({ name, value, help }) => [`  --${name}${value === undefined ? '' : ` ${value}`}`, help] as const,
  )
  const operations = OPERATION_HELP.map(([words, help]) => [`  ${words}`, help] as const)
  return [
    ...wrapped(`${program}: a strict HTTP balancer in front of any HTTP servers.`),
    '',
    `Usage  ${program} --to ADDRESS [--to ADDRESS …] [options]`,
    `       ${program} OPERATION [options]`,
    '',
    'Operations',
    ...helpRows(operations),
    '',
    'Options',
    ...helpRows(rows),
    '',
    'Durations: 250ms, 10s, 5m, 1h, 1d. Sizes: 64KiB, 1MiB, 300M.',
    ...wrapped(
      'SIGTERM, SIGINT and SIGQUIT finish requests under way, then end; a second one ends at once. SIGUSR1 opens the ' +
        'log file anew.',
    ),
    '',
    'Examples',
    `  ${program} --listen :8080 --to 127.0.0.1:3000 --to unix:/run/app.sock`,
    `  ${program} --config balancer.json`,
    `  ${program} drain 127.0.0.1:3000 --wait 30s --config balancer.json`,
    '',
  ].join('\n')
}

const COMMON: readonly Pick<Flag, 'name' | 'value' | 'help'>[] = [
  { name: 'help', help: 'print this text; behind an operation, what that takes' },
  { name: 'version', help: 'print the version' },
]
