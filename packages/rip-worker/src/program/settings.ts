import { DEFAULT_PORT } from '../defaults.ts'
import type { WorkerEnvironment, WorkerMode } from '../protocol.ts'
import type { TrustForwarded } from '../serve/client.ts'
import type { WorkerOptions } from '../serve/options.ts'
import { readStaticFolder, type StaticFolder } from '../static/static-folder.ts'

export const USAGE = `Usage: bun main.ts [FILE|FOLDER] [options]

Serves a .rip, TypeScript or JavaScript application.

  --listen HOST:PORT|unix:PATH   where to listen (RIP_SOCKET, else port 3000 or PORT)
  --concurrency N                requests at the same time (RIP_CONCURRENCY, else 100)
  --mode development|production  error pages with code, or without (RIP_MODE, else production)
  --static DIR|/PREFIX=DIR       files that are answered before the application; repeatable
  --trust-forwarded balancer|proxy|none
                                 which proxy is in front and names the client: @rip/balancer, another proxy, or none
                                 (proxy on a Unix socket, else none)
  --help                         this text
`

/** What the command line and the environment say, checked. */
export interface Settings extends Pick<
  WorkerOptions,
  'concurrency' | 'mode' | 'workerId' | 'generation' | 'trustForwarded'
> {
  readonly help: boolean
  /** File or folder of the application. @default the working directory */
  readonly target: string | undefined
  readonly listen: NonNullable<WorkerOptions['listen']>
  /** Path of the supervisor's control socket; absent without a supervisor. */
  readonly control: string | undefined
  /** Address under which clients reach the application. */
  readonly publicUrl: string | undefined
  /** See `RIP_BOOT_TIMEOUT_MS`. */
  readonly bootTimeoutMs: number | undefined
  /** See `RIP_APART`. */
  readonly apart: boolean
  /** Folders of files that are answered before the application; those of a build that is found come after them. */
  readonly static: readonly StaticFolder[]
  /** Folder of the snapshot that code is loaded from; absent when it comes from disk. */
  readonly snapshot: string | undefined
  /** What it is as a background process; absent in a worker. */
  readonly background: BackgroundSettings | undefined
}

export interface BackgroundSettings {
  readonly name: string
  /** The program to run and its arguments. @default the module of `target` */
  readonly command: readonly string[] | undefined
}

/** Thrown for a command line or an environment with an invalid value. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

type Environment = Readonly<Record<string, string | undefined>>

/** Flags win over the environment. @throws UsageError naming the invalid value. */
export function readSettings(args: readonly string[], environment: Environment): Settings {
  const { flags, positionals, folders } = parse(args)
  if (positionals.length > 1)
    throw new UsageError(`one application at a time, not ${positionals.join(' and ')}`)
  const get = (name: keyof WorkerEnvironment): string | undefined => environment[name]
  const concurrency = flags.get('--concurrency') ?? get('RIP_CONCURRENCY')
  const mode = flags.get('--mode') ?? get('RIP_MODE')
  const workerId = get('RIP_WORKER_ID')
  const bootTimeout = get('RIP_BOOT_TIMEOUT_MS')
  const generation = get('RIP_GENERATION')
  const trust = flags.get('--trust-forwarded') ?? (get('RIP_CONTROL') === undefined ? undefined : 'balancer')
  return {
    help: flags.has('--help'),
    target: positionals[0],
    listen: readListen(flags.get('--listen'), get('RIP_SOCKET'), environment['PORT']),
    control: get('RIP_CONTROL'),
    publicUrl: get('RIP_PUBLIC_URL') || undefined,
    snapshot: get('RIP_SNAPSHOT') || undefined,
    static: folders.length > 0 ? folders.map(readFolder) : readFolders(get('RIP_STATIC')),
    bootTimeoutMs: bootTimeout === undefined ? undefined : wholeNumber('RIP_BOOT_TIMEOUT_MS', bootTimeout),
    apart: get('RIP_APART') === '1',
    background: readBackground(get('RIP_BACKGROUND'), get('RIP_BACKGROUND_COMMAND')),
    ...(concurrency !== undefined && { concurrency: wholeNumber('concurrency', concurrency) }),
    ...(mode !== undefined && { mode: readMode(mode) }),
    ...(workerId !== undefined && { workerId: wholeNumber('RIP_WORKER_ID', workerId) }),
    ...(generation !== undefined && { generation }),
    ...(trust !== undefined && { trustForwarded: readTrust(trust) }),
  }
}

const FLAGS = ['--listen', '--concurrency', '--mode', '--static', '--trust-forwarded'] as const

interface CommandLine {
  readonly flags: ReadonlyMap<string, string>
  readonly positionals: readonly string[]
  /** Values of `--static`. */
  readonly folders: readonly string[]
}

/** Parses by hand, because `node:util` would cost each worker a megabyte for four flags. */
function parse(args: readonly string[]): CommandLine {
  const flags = new Map<string, string>()
  const positionals: string[] = []
  const folders: string[] = []
  const rest = args[Symbol.iterator]()
  for (const arg of rest) {
    if (!arg.startsWith('-')) {
      positionals.push(arg)
      continue
    }
    const [name, value] = readFlag(arg, rest)
    if (name === '--static') folders.push(value)
    else flags.set(name, value)
  }
  return { flags, positionals, folders }
}

function readFlag(arg: string, rest: Iterator<string>): readonly [name: string, value: string] {
  if (arg === '--help' || arg === '-h') return ['--help', '']
  const [name = '', inline] = arg.split(/=(.*)/s)
  if (!FLAGS.some((flag) => flag === name)) throw new UsageError(`there is no option ${name}`)
  const value = inline ?? rest.next().value
  if (value === undefined || value === '') throw new UsageError(`${name} needs a value`)
  return [name, value]
}

function readFolder(text: string): StaticFolder {
  const read = readStaticFolder(text)
  if (read === undefined)
    throw new UsageError(`--static is ${JSON.stringify(text)}, expected DIR or /PREFIX=DIR`)
  return { ...read, folder: absolute(read.folder) }
}

function absolute(path: string): string {
  return path.startsWith('/') ? path : `${process.cwd()}/${path}`
}

/** Written by the supervisor. */
function readFolders(text: string = '[]'): readonly StaticFolder[] {
  return JSON.parse(text) as readonly StaticFolder[]
}

function readListen(
  flag: string | undefined,
  socket: string | undefined,
  port: string | undefined,
): Settings['listen'] {
  if (flag !== undefined) return readAddress(flag)
  if (socket !== undefined) return { unix: socket }
  return { port: port === undefined ? DEFAULT_PORT : readPort(port) }
}

function readAddress(address: string): Settings['listen'] {
  if (address.startsWith('unix:')) return { unix: address.slice('unix:'.length) }
  const colon = address.lastIndexOf(':')
  const hostname = address.slice(0, Math.max(0, colon))
  const port = readPort(address.slice(colon + 1))
  return hostname === '' ? { port } : { port, hostname: hostname.replace(/^\[(.*)\]$/, '$1') }
}

function readPort(text: string): number {
  const port = Number(text)
  if (/^\d+$/.test(text) && port <= 65_535) return port
  throw new UsageError(
    `cannot listen on ${JSON.stringify(text)}: expected a port from 0 to 65535, or unix:PATH`,
  )
}

function wholeNumber(name: string, text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text)
  throw new UsageError(`${name} is ${JSON.stringify(text)}, expected a whole number of at least 1`)
}

/** A supervisor routes through `@rip/balancer`, and nothing else can enter the folder of the socket. */
function readTrust(text: string): TrustForwarded {
  if (text === 'balancer') return 'balancer'
  if (text === 'proxy' || text === 'none') return text === 'proxy'
  throw new UsageError(`--trust-forwarded is ${JSON.stringify(text)}, expected balancer, proxy or none`)
}

/** The command is written by a supervisor, which is believed. */
function readBackground(
  name: string | undefined,
  command: string | undefined,
): BackgroundSettings | undefined {
  if (name === undefined) return undefined
  return { name, command: command === undefined ? undefined : (JSON.parse(command) as string[]) }
}

function readMode(text: string): WorkerMode {
  if (text === 'development' || text === 'production') return text
  throw new UsageError(`mode is ${JSON.stringify(text)}, expected development or production`)
}
