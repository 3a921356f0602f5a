import { availableCpus } from '@rip/manager'
import {
  DEFAULT_BOOT_TIMEOUT_MS,
  DEFAULT_CONCURRENCY,
  DEFAULT_DEV_WORKERS,
  DEFAULT_DRAIN_TIMEOUT_MS,
  DEFAULT_MEMORY_BUDGET,
  DEFAULT_PORT,
  DEFAULT_ROLLBACK_WINDOW_MS,
  DEFAULT_STOP_DELAY_MS,
  MAX_CONCURRENCY,
  MAX_WORKERS,
} from './defaults.ts'
import type { AccessLogFormat } from '@rip/balancer'
import { logFormats } from '../output/log-record.ts'
import { parseCommand } from './command.ts'
import { parseStatic } from './static-folders.ts'
import { backgroundPrograms } from './background-programs.ts'
import { allowedHost, bindAddress, hostField, opsAddress } from './addresses.ts'
import type { Settings, SettingValues } from './setting-kinds.ts'
import { count, durationMs, share, sizeBytes, someOf, Unacceptable } from './quantity.ts'
import { userName } from './user-account.ts'

export type { Settings } from './setting-kinds.ts'

/** `development` and `production` run the same processes; see `rip-server dev --help` for what differs. */
export type Mode = 'development' | 'production'

/** One setting: how it is spelt, read and explained. Parsing, help, the file and `config` all follow this table. */
export interface SettingSpec<T> {
  /** Long flag without dashes; in camel case, the key in the configuration file. */
  readonly flag: string
  readonly short?: string
  /** Letter of the compact form, such as `w` for `w:4`. */
  readonly compact?: string
  /** Placeholder of the value in help; a switch has none. */
  readonly value?: string
  /** Environment variable that sets it. */
  readonly env?: string
  readonly summary: string
  /** The values it may have, or such as it often has. */
  readonly choices?: readonly string[]
  /** Whether it may be given several times; a list in the configuration file. The texts are joined by commas. */
  readonly repeatable?: true
  /** A switch that says no: `key` is false with it. */
  readonly negative?: true
  /** Key in the configuration file. @default the flag in camel case */
  readonly key?: string
  /** @throws Unacceptable */
  readonly parse: (text: string) => T
  readonly fallback: (mode: Mode) => T
  /** The default as `--help` describes it. */
  readonly fallbackText: string
}

const accessLogFormats: readonly AccessLogFormat[] = ['none', 'text', 'json']

const SOME_OR_OFF = 'more than 0, or off'

/** A setting of one value, which a flag can give. */
export type SettingName = keyof SettingValues

export const settingSpecs: { readonly [K in SettingName]: SettingSpec<Settings[K]> } = {
  app: {
    flag: 'app',
    value: 'PATH',
    summary: 'file or folder of the application; usually given as a word',
    parse: nonEmpty('a path'),
    fallback: () => '.',
    fallbackText: 'the current folder',
  },
  command: {
    flag: 'command',
    value: 'COMMAND',
    summary: 'run the application by this command; also given as words after --',
    parse: parseCommand,
    fallback: () => undefined,
    fallbackText: 'none; "rip.command" in package.json',
  },
  static: {
    flag: 'static',
    value: 'DIR',
    repeatable: true,
    summary: 'answer its files before the application; /PREFIX=DIR below a path; repeatable',
    parse: parseStatic,
    fallback: () => [],
    fallbackText: 'what a build leaves',
  },
  background: {
    flag: 'background',
    value: 'FILE',
    repeatable: true,
    summary: 'a program that works in the background, in one process at a time; repeatable',
    parse: backgroundPrograms,
    fallback: () => [],
    fallbackText: 'none; "rip.background" in package.json',
  },
  port: {
    flag: 'port',
    short: 'p',
    compact: 'p',
    value: 'PORT',
    env: 'PORT',
    summary: 'TCP port to listen on; 0 takes a free one',
    parse: (text) => count(text, 0, 65_535),
    fallback: () => DEFAULT_PORT,
    fallbackText: String(DEFAULT_PORT),
  },
  bind: {
    flag: 'bind',
    short: 'b',
    value: 'ADDRESS',
    summary: 'HOST, HOST:PORT or unix:PATH to listen on; unix:PATH?mode=0660&group=NAME',
    parse: bindAddress,
    fallback: () => undefined,
    fallbackText: 'all addresses; in development 127.0.0.1',
  },
  ops: {
    flag: 'ops',
    value: 'ADDRESS',
    env: 'RIP_OPS',
    summary: 'answer /live, /ready and /metrics there: HOST:PORT, PORT or unix:PATH',
    parse: orOff(opsAddress),
    fallback: () => undefined,
    fallbackText: 'off',
  },
  workers: {
    flag: 'workers',
    short: 'w',
    compact: 'w',
    value: 'N',
    env: 'WEB_CONCURRENCY',
    summary: 'worker processes, or "auto" for one per processor',
    choices: ['auto'],
    parse: (text) => (text === 'auto' ? availableCpus() : numberOrAuto(text)),
    fallback: (mode) => (mode === 'development' ? DEFAULT_DEV_WORKERS : availableCpus()),
    fallbackText: `auto; in development ${DEFAULT_DEV_WORKERS}`,
  },
  concurrency: {
    flag: 'concurrency',
    short: 'c',
    compact: 'c',
    value: 'N',
    summary: 'requests at once per worker; 1 isolates each request',
    parse: (text) => count(text, 1, MAX_CONCURRENCY),
    fallback: () => DEFAULT_CONCURRENCY,
    fallbackText: String(DEFAULT_CONCURRENCY),
  },
  maxRequests: {
    flag: 'max-requests',
    short: 'r',
    compact: 'r',
    value: 'N',
    summary: 'replace a worker after about N requests',
    parse: orOff((text) => count(text, 1, Number.MAX_SAFE_INTEGER)),
    fallback: () => undefined,
    fallbackText: 'off',
  },
  maxMemoryBytes: {
    flag: 'max-memory',
    value: 'SIZE',
    summary: 'replace a worker that stays above this memory',
    parse: orOff(someOf(sizeBytes, SOME_OR_OFF)),
    fallback: () => undefined,
    fallbackText: 'off',
  },
  memoryBudgetShare: {
    flag: 'memory-budget',
    value: 'SHARE',
    summary: 'replace the largest worker while more than this share of the memory limit is used',
    parse: orOff(share),
    fallback: () => DEFAULT_MEMORY_BUDGET,
    fallbackText: `off; where there is a limit ${DEFAULT_MEMORY_BUDGET * 100}%`,
  },
  maxLifetimeMs: {
    flag: 'max-lifetime',
    value: 'TIME',
    summary: 'replace a worker after about this time',
    parse: orOff(someOf(durationMs, SOME_OR_OFF)),
    fallback: () => undefined,
    fallbackText: 'off',
  },
  stopDelayMs: {
    flag: 'stop-delay',
    value: 'TIME',
    summary: 'go on serving so long after a stop, until a load balancer has noticed',
    parse: durationMs,
    fallback: () => DEFAULT_STOP_DELAY_MS,
    fallbackText: `${DEFAULT_STOP_DELAY_MS}s`,
  },
  drainTimeoutMs: {
    flag: 'drain-timeout',
    value: 'TIME',
    summary: 'longest wait for requests that are being answered',
    parse: durationMs,
    fallback: () => DEFAULT_DRAIN_TIMEOUT_MS,
    fallbackText: `${DEFAULT_DRAIN_TIMEOUT_MS / 1000}s`,
  },
  bootTimeoutMs: {
    flag: 'boot-timeout',
    value: 'TIME',
    summary: 'longest time for a worker to become ready',
    parse: someOf(durationMs),
    fallback: () => DEFAULT_BOOT_TIMEOUT_MS,
    fallbackText: `${DEFAULT_BOOT_TIMEOUT_MS / 1000}s`,
  },
  hotfix: {
    flag: 'hotfix',
    summary: 'watch for changed files in production, too',
    parse: trueOrFalse,
    fallback: () => false,
    fallbackText: 'off',
  },
  health: {
    flag: 'health',
    value: 'PATH',
    summary: 'path that must answer 2xx before new code serves',
    parse: requestTarget,
    fallback: () => undefined,
    fallbackText: 'off',
  },
  healthHost: {
    flag: 'health-host',
    value: 'NAME',
    summary: 'Host field of the health check',
    parse: hostField,
    fallback: () => undefined,
    fallbackText: 'localhost',
  },
  allowHosts: {
    flag: 'allow-host',
    key: 'allowHosts',
    value: 'NAME',
    repeatable: true,
    summary: 'answer this name in development, too, or *.NAME; repeatable',
    parse: (text) => text.split(',').map((name) => allowedHost(name.trim())),
    fallback: () => [],
    fallbackText: 'localhost and addresses',
  },
  live: {
    flag: 'no-live',
    key: 'live',
    negative: true,
    summary: 'in development, leave open pages alone: no overlay, no reload',
    parse: trueOrFalse,
    fallback: () => true,
    fallbackText: 'they are kept up to date',
  },
  install: {
    flag: 'install',
    summary: 'in development, fetch packages that are missing',
    parse: trueOrFalse,
    fallback: () => false,
    fallbackText: 'off',
  },
  tlsCert: {
    flag: 'tls-cert',
    value: 'FILE',
    summary: 'certificate chain in PEM: serve https; read again when it changes',
    parse: nonEmpty('a path'),
    fallback: () => undefined,
    fallbackText: 'off',
  },
  tlsKey: {
    flag: 'tls-key',
    value: 'FILE',
    summary: 'key of the certificate in PEM',
    parse: nonEmpty('a path'),
    fallback: () => undefined,
    fallbackText: 'off',
  },
  maxBodyBytes: {
    flag: 'max-body',
    value: 'SIZE',
    summary: 'largest request body; a larger one is answered with 413',
    parse: sizeBytes,
    fallback: () => undefined,
    fallbackText: '10MiB',
  },
  accessLog: {
    flag: 'access-log',
    value: 'FORMAT',
    summary: 'a line for each request: none, text or json',
    choices: accessLogFormats,
    parse: oneOf<AccessLogFormat>(accessLogFormats),
    fallback: () => undefined,
    fallbackText: 'none',
  },
  logFormat: {
    flag: 'log-format',
    value: 'FORMAT',
    env: 'RIP_LOG_FORMAT',
    summary: 'lines of workers: text (the name before each), json or raw (as written)',
    choices: logFormats,
    parse: oneOf(logFormats),
    fallback: () => undefined,
    fallbackText: 'text; json with --json, raw with --quiet',
  },
  rollbackWindowMs: {
    flag: 'rollback-window',
    value: 'TIME',
    summary: 'time after a switch in which failing answers bring the previous code back',
    parse: orOff(someOf(durationMs, SOME_OR_OFF)),
    fallback: (mode) => (mode === 'development' ? undefined : DEFAULT_ROLLBACK_WINDOW_MS),
    fallbackText: `off; in production ${DEFAULT_ROLLBACK_WINDOW_MS / 1000}s`,
  },
  user: {
    flag: 'user',
    value: 'NAME[:GROUP]',
    summary: 'started as root: the user the application runs as',
    parse: userName,
    fallback: () => undefined,
    fallbackText: 'the user who starts it',
  },
  balancerUser: {
    flag: 'balancer-user',
    value: 'NAME[:GROUP]',
    summary: 'with --user: the user the balancer runs as',
    parse: userName,
    fallback: () => undefined,
    fallbackText: 'a number that no user has',
  },
  name: {
    flag: 'name',
    value: 'NAME',
    summary: 'name of this instance',
    parse: instanceName,
    fallback: () => undefined,
    fallbackText: 'the name of the folder',
  },
  runDir: {
    flag: 'run-dir',
    value: 'PATH',
    summary: 'run directory, the folder of its sockets and lock',
    parse: nonEmpty('a path'),
    fallback: () => undefined,
    fallbackText: 'below $XDG_RUNTIME_DIR or the temporary folder',
  },
}

export const settingNames: readonly SettingName[] = Object.keys(settingSpecs) as SettingName[]

/** Key of a setting in the configuration file. */
export function fileKey(name: SettingName): string {
  const { key, flag } = settingSpecs[name]
  return key ?? flag.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase())
}

function numberOrAuto(text: string): number {
  try {
    return count(text, 1, MAX_WORKERS)
  } catch {
    throw new Unacceptable(`"auto" or a whole number from 1 to ${MAX_WORKERS}`)
  }
}

function orOff<T>(parse: (text: string) => T): (text: string) => T | undefined {
  return (text) => (text === 'off' || text === 'false' ? undefined : parse(text))
}

function oneOf<T extends string>(words: readonly T[]): (text: string) => T {
  return (text) => {
    const word = words.find((each) => each === text)
    if (word !== undefined) return word
    throw new Unacceptable(`one of ${words.join(', ')}`)
  }
}

function trueOrFalse(text: string): boolean {
  if (text === 'true') return true
  if (text === 'false') return false
  throw new Unacceptable('true or false')
}

function nonEmpty(expected: string): (text: string) => string {
  return (text) => {
    if (text !== '') return text
    throw new Unacceptable(expected)
  }
}

function requestTarget(text: string): string {
  if (/^\/[\x21\x22\x24-\x7e]*$/.test(text)) return text
  const meant = /^(?:https?:\/\/[^/]*\/?)?([\w.-][\w./-]*(?:\?[\w=&.-]*)?)$/.exec(text)?.[1]
  throw new Unacceptable('a path that starts with /, such as /up', meant && `/${meant}`)
}

function instanceName(text: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$/.test(text)) return text
  throw new Unacceptable('at most 40 letters, digits, dots, dashes or underscores')
}
