import { readFileSync } from 'node:fs'
import { createBalancer, type Balancer } from '../balancer.ts'
import type { BalancerConfig } from '../config/config.ts'
import { BalancerError, type BalancerErrorCode } from '../errors.ts'
import { ConfigSource } from './config-source.ts'
import { helpText, parseFlags } from './flags.ts'
import { DRAINED, ProcessEnded } from './process-hand-over.ts'
import { operationHelp, parseOperation } from './operations.ts'
import { listenOf, missingSockets, onSockets, PassedSockets } from './passed-sockets.ts'
import type { ProgramIo } from './program-io.ts'
import { isOrdered, stopRequests } from './stop-requests.ts'
import { messageOf } from '../text/message-of.ts'

const EXIT_DONE = 0
const EXIT_FAILED = 1
/** Of errors that have one of their own. */
const EXITS: { readonly [code in BalancerErrorCode]?: number } = {
  USAGE: 2,
  CONFIG_INVALID: 5,
  ADMIN_UNREACHABLE: 7,
}

/** Runs the program until it is told to stop; resolves with its exit code. */
export async function runBalancer(argv: readonly string[], io: ProgramIo): Promise<number> {
  const program = io.program ?? 'rip-balancer'
  try {
    const operation = parseOperation(argv)
    if (operation?.help === true) return print(io, operationHelp(program, operation.name))
    // What serves needs neither this nor a group: each module takes a quarter of a millisecond of every start.
    if (operation !== undefined) return await (await import('./run-operation.ts')).runOperation(operation, io)
    const sockets = new PassedSockets(io.env)
    const flags = parseFlags(argv, sockets.addresses)
    if (flags.help) return print(io, helpText(program))
    if (flags.version) return print(io, `${program} ${packageVersion()}\n`)
    const source = new ConfigSource(flags.configFile, flags.config, sockets)
    const config = async (): Promise<BalancerConfig> =>
      io.configure?.(onPassedSockets(flags.config, sockets)) ?? source.load()
    return await (flags.processes > 1 ? serveTogether(config, flags.processes, io) : serve(config, io))
  } catch (error) {
    // The process itself has said why.
    if (error instanceof ProcessEnded) return error.code
    if (!(error instanceof BalancerError)) throw error
    io.err(`${program}: ${error.message}\n`)
    if (error.code === 'USAGE') io.err(`try ${program} --help\n`)
    const code: BalancerErrorCode = error.code
    return EXITS[code] ?? EXIT_FAILED
  }
}

/** What is on the command line, for a program with settings of its own. @throws `CONFIG_INVALID` for sockets that are not there */
function onPassedSockets(config: BalancerConfig, sockets: PassedSockets): BalancerConfig {
  const asked = listenOf(config, sockets)
  const problems = missingSockets(asked, sockets)
  if (problems.length > 0) throw new BalancerError('CONFIG_INVALID', { problems })
  const listen = onSockets(asked, sockets)
  return listen === undefined ? config : { ...config, listen }
}

type ReadConfig = () => Promise<BalancerConfig>

/** Parent of several processes: it passes signals on and serves nothing itself. */
async function serveTogether(config: ReadConfig, processes: number, io: ProgramIo): Promise<number> {
  const { ProcessGroup } = await import('./process-group.ts')
  const stop = Promise.withResolvers<void>()
  await using group = new ProcessGroup({
    config: await config(),
    processes,
    env: io.env,
    out: (text) => io.out(text),
    err: (text) => io.err(text),
    onLeave: () => stop.resolve(),
  })
  using _stop = stopRequests(io, { leave: () => stop.resolve(), now: () => group.cutOff() })
  using _usr1 = io.onSignal('SIGUSR1', () => group.signal('SIGUSR1'))
  using _hup = io.onSignal('SIGHUP', reloading(group, config, io))
  await Promise.race([group.start(), stop.promise])
  tellAddresses(group, io)
  if (group.urls.length > 0) io.listening?.(group.urls)
  await stop.promise
  io.leaving?.()
  const { code, abandoned } = await group.stop()
  tellAbandoned(abandoned, io)
  return code
}

async function serve(config: ReadConfig, io: ProgramIo): Promise<number> {
  const stop = Promise.withResolvers<void>()
  await using balancer = createBalancer(await config(), {
    onWarning: (message) => io.err(`${message}\n`),
    onLeave: () => stop.resolve(),
    drained: drainedFrom(io.env),
  })
  using _stop = stopRequests(io, { leave: () => stop.resolve(), now: () => void balancer.close() })
  using _usr1 = io.onSignal('SIGUSR1', () => void balancer.reopenLog())
  using _hup = io.onSignal('SIGHUP', reloading(balancer, config, io))
  await balancer.start()
  tellAddresses(balancer, io)
  io.listening?.(balancer.urls)
  await stop.promise
  io.leaving?.()
  const { abandoned } = await balancer.drain()
  tellAbandoned(abandoned, io)
  return abandoned === 0 ? EXIT_DONE : EXIT_FAILED
}

/** To people: a parent that gives the orders asks on the admin socket. */
function tellAddresses({ urls, metricsUrl }: Pick<Balancer, 'urls' | 'metricsUrl'>, io: ProgramIo): void {
  if (isOrdered(io)) return
  for (const url of urls) io.out(`listening ${url}\n`)
  if (metricsUrl !== undefined) io.out(`metrics ${metricsUrl}\n`)
}

function tellAbandoned(abandoned: number, io: ProgramIo): void {
  if (abandoned === 0 || isOrdered(io)) return
  const requests = abandoned === 1 ? '1 request' : `${abandoned} requests`
  io.err(`gave up on ${requests} that did not finish in time\n`)
}

/** Ids of backends that are drained, and by whom, as the parent of several processes hands them down. */
function drainedFrom(env: ProgramIo['env']): ReadonlyMap<string, string> {
  return new Map(JSON.parse(env[DRAINED] ?? '[]') as [string, string][])
}

interface Reloadable extends Pick<Balancer, 'urls'> {
  reload(config: BalancerConfig): Promise<void> | void
}

/** What is read first is in force first, however long that takes. */
function reloading(balancer: Reloadable, config: ReadConfig, io: ProgramIo): () => void {
  let last = Promise.resolve()
  return () => void (last = last.then(() => reload(balancer, config, io)))
}

/** A configuration that cannot be read, or is not valid, changes nothing, whatever is wrong with it. */
async function reload(balancer: Reloadable, config: ReadConfig, io: ProgramIo): Promise<void> {
  const before = new Set(balancer.urls)
  try {
    await balancer.reload(await config())
    io.err('configuration reloaded\n')
    tellAddresses({ urls: balancer.urls.filter((url) => !before.has(url)), metricsUrl: undefined }, io)
  } catch (error) {
    io.err(`kept the running configuration: ${messageOf(error)}\n`)
  }
}

function print(io: ProgramIo, text: string): number {
  io.out(text)
  return EXIT_DONE
}

function packageVersion(): string {
  // By name, since this module may be part of a bundle.
  const manifest = readFileSync(Bun.resolveSync('@rip/balancer/package.json', import.meta.dir), 'utf8')
  return (JSON.parse(manifest) as { version: string }).version
}
