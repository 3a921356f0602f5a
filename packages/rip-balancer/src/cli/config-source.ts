import { readFileSync } from 'node:fs'
import type { BalancerConfig } from '../config/config.ts'
import { JsoncError, parseJsonc, type LocatedJson } from '../config/jsonc.ts'
import { configProblems } from '../config/resolve-config.ts'
import { BalancerError } from '../errors.ts'
import { anySockets, listenOf, missingSockets, onSockets, type SocketNames } from './passed-sockets.ts'

/** The configuration of a program: its flags over its file. */
export class ConfigSource {
  private readonly file: string | undefined
  private readonly flags: BalancerConfig
  private readonly sockets: SocketNames

  /** @param sockets those that a service manager has passed to the program */
  constructor(file: string | undefined, flags: BalancerConfig = {}, sockets: SocketNames = anySockets) {
    this.file = file
    this.flags = flags
    this.sockets = sockets
  }

  /**
   * The configuration of both together.
   *
   * @throws `CONFIG_INVALID` with every problem, those of the file with their place in it, and when there is no backend to
   *   send requests to and no admin socket by which it can get one
   */
  load(): BalancerConfig {
    const located = this.file === undefined ? undefined : readConfig(this.file)
    // Every member is checked when the configuration is resolved.
    const inFile = (located?.value ?? {}) as BalancerConfig
    const merged = located !== undefined && !isGroup(inFile) ? inFile : mergeConfig(inFile, this.flags)
    const listen = isGroup(merged) ? listenOf(merged, this.sockets) : undefined
    const missing = missingSockets(listen, this.sockets)
    const problems = [...configProblems(listening(merged, onSockets(listen, anySockets))), ...missing]
    const config = listening(merged, onSockets(listen, this.sockets))
    if (problems.length > 0) throw invalid(problems.map((problem) => this.withPlace(problem, located)))
    if (isUnreachable(config)) throw invalid([this.withPlace(NO_BACKENDS, located)])
    return config
  }

  private withPlace(problem: string, located: LocatedJson | undefined): string {
    const path = /^.*?(?=: )/s.exec(problem)?.[0] ?? ''
    if (located === undefined || this.comesFromFlags(path)) return problem
    const part = problem.startsWith(`${path}: expected`) ? 'value' : 'name'
    const { line, column } = located.locate(path, part)
    return `${this.file}:${line}:${column}: ${problem}`
  }

  private comesFromFlags(path: string): boolean {
    const [key = '', member = ''] = path.split(/[.[]/)
    const value: unknown = new Map(Object.entries(this.flags)).get(key)
    return isGroup(value) ? Object.hasOwn(value, member) : value !== undefined
  }
}

/** What a file says, and where. @throws `CONFIG_INVALID` when it cannot be read or is not JSON */
export function readConfig(file: string): LocatedJson {
  try {
    return parseJsonc(readFileSync(file, 'utf8'))
  } catch (error) {
    const { position } = error instanceof JsoncError ? error : {}
    const place = position === undefined ? file : `${file}:${position.line}:${position.column}`
    throw invalid([`${place}: ${(error as Error).message}`], error)
  }
}

const NO_BACKENDS =
  'to: there are no backends; name one (--to ADDRESS), or an admin socket to declare them on (--admin unix:PATH)'

/** There is no backend that could ever be sent a request. */
function isUnreachable({ to, admin }: BalancerConfig): boolean {
  return admin === undefined && (to === undefined || (Array.isArray(to) && to.length === 0))
}

const invalid = (problems: readonly string[], cause?: unknown): BalancerError =>
  new BalancerError('CONFIG_INVALID', { problems }, { cause })

/** Flags over the file: each key they name, and each member of the groups they name. */
function mergeConfig(file: BalancerConfig, flags: BalancerConfig): BalancerConfig {
  const merged: Record<string, unknown> = { ...file }
  for (const [key, value] of Object.entries(flags)) {
    const below = merged[key]
    merged[key] = isGroup(value) && isGroup(below) ? { ...below, ...value } : value
  }
  return merged
}

/** The same with these listeners. */
const listening = (config: BalancerConfig, listen: BalancerConfig['listen']): BalancerConfig =>
  listen === undefined ? config : { ...config, listen }

const isGroup = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
