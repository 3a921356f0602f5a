import {
  type ListenAddress,
  type Manager,
  ManagerError,
  type ManagerErrorDetail,
  type ManagerStatus,
  type Refusal,
  startOrphanReaper,
  writeInBackground,
} from '@rip/manager'
import {
  inheritance,
  type OpenServer,
  planServer,
  type ReadSettings,
  Server,
  type ServerPlan,
} from '@rip/server'
import { commandText, type LogFormat, type Mode, type Settings } from '@rip/server/settings'
import { addressUrl, isExposed, proveCertificate, type SettingsRead } from '@rip/server/sources'
import { refusalDetail, refusalMessage } from '@rip/server/text'
import { LAN_FLAG } from '../command-line/options.ts'
import { CliError } from '../errors.ts'
import { ExitCode } from '../exit-code.ts'
import { flagValue, type Invocation, invocationSettings, isOn } from '../invocation.ts'
import {
  debuggerHints,
  developmentHints,
  isInContainer,
  nodeEnvHints,
  rootWarning,
} from '../terminal/hints.ts'
import type { DeveloperKeys } from './developer-keys.ts'
import { fittingFrame } from '../terminal/fitting.ts'
import { CONTINUED_INDENT, folded } from '../terminal/folded.ts'
import { lanAddresses } from '../terminal/lan-addresses.ts'
import { qrCode } from '../terminal/qr-code.ts'
import { type LanUrl, readyBlock, type ReadyFacts, readyJson } from '../terminal/ready-block.ts'
import { reportEvents } from '../terminal/reporter.ts'
import { resolve } from 'node:path'
import { ownManifest } from '../own-manifest.ts'
import { handleSignals, onTerminalGone, type SignalActions, signalExitCode } from '../signals.ts'

/** Serves an application in production. */
export function start(invocation: Invocation): Promise<number> {
  return serve(invocation, 'production')
}

/** Serves an application in development. */
export function dev(invocation: Invocation): Promise<number> {
  return serve(invocation, 'development')
}

async function serve(invocation: Invocation, mode: Mode): Promise<number> {
  talkAsAsked(invocation)
  const { plan, begunMs } = await planOrOffer(invocation, mode)
  return servePlan(plan, invocation, begunMs)
}

interface BegunPlan {
  readonly plan: ServerPlan
  /** When the user had said what to do, since the start of the process. */
  readonly begunMs: number
}

/** Where there is no application, one may be written first. */
async function planOrOffer(invocation: Invocation, mode: Mode): Promise<BegunPlan> {
  try {
    return { plan: await hintedPlan(invocation, mode), begunMs: 0 }
  } catch (error) {
    const { offerStarter } = await import('./offer-starter.ts')
    const begunMs = await offerStarter(error, invocation)
    return { plan: await hintedPlan(invocation, mode), begunMs }
  }
}

async function hintedPlan(invocation: Invocation, mode: Mode): Promise<ServerPlan> {
  const resolved = await invocationSettings(invocation, mode, invocation.line.words[0])
  const plan = rereadingPlan(resolved, mode, invocation)
  const hints = [
    ...nodeEnvHints(resolved.nodeEnv, mode),
    ...debuggerHints(invocation.env),
    ...(resolved.notes ?? []),
    ...(mode === 'development' ? developmentHints(resolved, plan.listen, isInContainer(invocation.env)) : []),
  ]
  return { ...plan, hints }
}

/** A plan whose settings are read again as they were read the first time: with the same flags and environment. */
export function rereadingPlan(resolved: SettingsRead, mode: Mode, invocation: Invocation): ServerPlan {
  const { files } = resolved
  const plan = planServed(resolved, mode, invocation)
  const account = plan.tenants?.workers
  const read = async (signal: AbortSignal): Promise<ReadSettings> => {
    // Without the variables that `.env` files set at the start.
    const again = { ...invocation, env: plan.env }
    const read = await invocationSettings(again, mode, invocation.line.words[0], { signal, account })
    // What serves is kept where its files are spoilt; the status says so, and a release need not wait for them.
    if (isOtherCertificate(read.settings, resolved.settings)) proveCertificate(read.settings)
    return read
  }
  return { ...plan, rereading: { files, read } }
}

function isOtherCertificate(read: Settings, started: Settings): boolean {
  return read.tlsCert !== started.tlsCert || read.tlsKey !== started.tlsKey
}

/**
 * Sets the format of messages before the configuration is read, as far as it is known, so that its problems are printed
 * in it.
 */
export function talkAsAsked(invocation: Invocation): void {
  const asked = flagValue(invocation, 'log-format') ?? invocation.env['RIP_LOG_FORMAT']
  if (isOn(invocation, 'json') || asked === 'json') invocation.terminal.talkJson()
}

/**
 * Runs a server from its start to its end; resolves with the exit code.
 *
 * @param begunMs see {@link BegunPlan}
 */
export function servePlan(plan: ServerPlan, invocation: Invocation, begunMs = 0): Promise<number> {
  const warning = rootWarning(process.geteuid?.(), plan.tenants, isInContainer(invocation.env))
  if (warning !== undefined) plan.warn(warning)
  return new Serving(plan, invocation, begunMs).run()
}

/** @throws ServerError `APP_NOT_FOUND`, `CONFIG_INVALID`, `FILE_REFUSED` */
export function planServed(
  { settings, origins, configFile }: SettingsRead,
  mode: Mode,
  invocation: Invocation,
): ServerPlan {
  const { env, cwd, terminal } = invocation
  const logFormat = logFormatOf(settings, invocation)
  if (logFormat === 'json') terminal.talkJson()
  return planServer({
    mode,
    settings,
    cwd,
    env,
    commandFoundBy: foundCommand(origins.command),
    userFrom: isFromFile(origins.user, configFile, cwd) ? configFile : undefined,
    inherited: inheritance(env),
    color: terminal.colorsData,
    logFormat,
    isProgram: true,
    data: (line) => terminal.data(line),
    note: (message) => terminal.say(message),
    warn: (message) => terminal.complain(`${terminal.bad('warning')} ${message}`, 'warn'),
  })
}

/** How a command was found that no flag gives, and neither the configuration nor `package.json`. */
function foundCommand(origin: string): string | undefined {
  return /^(?:--|default)|:\d+:\d+$|^"rip\.command"/.test(origin) ? undefined : origin
}

/** Whether a setting comes from the configuration file, as its origin tells. */
function isFromFile(origin: string, configFile: string | undefined, cwd: string): boolean {
  return configFile !== undefined && resolve(cwd, origin).startsWith(configFile)
}

/** `--json` prints only JSON on standard output; `--quiet`, only the output of the application. */
function logFormatOf({ logFormat }: Settings, invocation: Invocation): LogFormat {
  const written = invocation.line.flags.get('log-format')?.written
  if (isOn(invocation, 'json') && written !== undefined && logFormat !== 'json') {
    const problem = `--json and ${written} contradict each other: --json implies --log-format json; keep one`
    throw new CliError('USAGE', {
      problems: [problem],
      help: `rip-server ${invocation.line.command.name} --help`,
    })
  }
  if (isOn(invocation, 'json')) return 'json'
  return logFormat ?? (isOn(invocation, 'quiet') ? 'raw' : 'text')
}

/** One server from its start to its end, with its signals. */
class Serving {
  readonly #plan: ServerPlan
  readonly #invocation: Invocation
  readonly #begunMs: number
  #server: OpenServer | undefined
  #keys: DeveloperKeys | undefined
  #serves = false
  /** Whether the first start has failed; events of later attempts are then printed as if it served. */
  #startFailed = false
  #interruptedBy: NodeJS.Signals | undefined

  constructor(plan: ServerPlan, invocation: Invocation, begunMs: number) {
    this.#plan = plan
    this.#invocation = invocation
    this.#begunMs = begunMs
  }

  async run(): Promise<number> {
    const { mode } = this.#plan
    const actions: SignalActions = {
      stop: ({ signal, now }) => this.#stop(signal, now),
      reload: () => this.#attempt((_manager, server) => server.reload({ reason: 'SIGHUP' })),
      restart: () => this.#attempt((manager) => manager.restart({ reason: 'SIGUSR1' })),
      handOver: () => this.#handOver(),
      scaleBy: (workers) => this.#attempt((manager) => scaleBy(manager, workers)),
    }
    writeInBackground()
    using _signals = handleSignals(actions, mode)
    using _terminal = onTerminalGone(() => mode === 'development' && this.#stop('SIGHUP', false))
    startOrphanReaper()
    const server = await new Server(this.#plan).open()
    this.#server = server
    try {
      using keys = await this.#openKeys(server)
      this.#keys = keys
      // A signal to stop came while the server was opened: nothing is started any more.
      if (this.#interruptedBy !== undefined) await server.close()
      return await this.#serve(server)
    } catch (error) {
      // Tells clients that wait for the first worker that there will be none.
      await server.close({ delay: false })
      if (this.#interruptedBy !== undefined && !this.#serves) return signalExitCode(this.#interruptedBy)
      throw explained(error)
    }
  }

  async #serve(server: OpenServer): Promise<number> {
    const { terminal } = this.#invocation
    const told = reportEvents(server.manager, {
      terminal,
      verbose: isOn(this.#invocation, 'verbose'),
      json: isOn(this.#invocation, 'json'),
      serves: () => this.#serves || this.#startFailed,
    })
    await this.#start(server)
    await told
    const { abandoned } = await server.close()
    if (this.#interruptedBy !== undefined && !this.#serves) return signalExitCode(this.#interruptedBy)
    return this.#exitCode(abandoned)
  }

  async #start(server: OpenServer): Promise<void> {
    using _busy = this.#showBuild(server)
    try {
      await server.start()
      this.#tellReady(server)
    } catch (error) {
      if (!isRefusal(error) || !this.#waitsForFix) throw error
      this.#waitForFix(server, error)
    }
  }

  /** Until the first process is started, which may write to the same terminal. */
  #showBuild({ manager }: OpenServer): Disposable | undefined {
    const { entry, command } = this.#plan
    if (entry === undefined || command !== undefined) return undefined
    const busy = this.#invocation.terminal.busy?.('building the application')
    manager.on('worker-started', () => busy?.[Symbol.dispose]())
    return busy
  }

  /** Not in a successor, which ends instead and leaves the running server in its place. */
  get #waitsForFix(): boolean {
    const { mode, inherited, watch } = this.#plan
    return mode === 'development' && watch && inherited === undefined && this.#interruptedBy === undefined
  }

  /** Keeps the manager watching, so that the developer can repair the application and save. */
  #waitForFix(server: OpenServer, error: ManagerError): void {
    const { terminal } = this.#invocation
    const { message } = explained(error) as Error
    const { columns } = terminal
    const text = `${terminal.bad('rip-server:')} ${message}`
    terminal.complain(folded(fittingFrame(text, columns), columns, CONTINUED_INDENT))
    const shown = server.url === undefined ? '' : `; until then ${server.url} shows why`
    terminal.say(`waiting for a file to change${shown}`)
    this.#startFailed = true
    const { refusal } = error.detail as ManagerErrorDetail<'BOOT_REFUSED'>
    // A page that cannot be shown is no reason to end: the terminal has the whole message.
    void server.showFailedStart(refusal).catch((thrown: Error) => this.#plan.warn(thrown.message))
    server.manager.on('ready', () => this.#tellReady(server))
  }

  #tellReady(server: OpenServer): void {
    const { terminal } = this.#invocation
    this.#serves = true
    const facts = this.#facts(server)
    if (isOn(this.#invocation, 'json')) terminal.data(readyJson(facts, Date.now()))
    terminal.say(readyBlock(facts, terminal))
    void this.#showCode(facts).catch((error: Error) => this.#plan.warn(error.message))
  }

  /** The address for a phone, as a picture: only if it was asked for by `--host`, and there is room. */
  async #showCode({ network = [] }: ReadyFacts): Promise<void> {
    const { terminal, line } = this.#invocation
    const [first] = network
    const isAskedFor = line.flags.get('bind')?.written.startsWith(`--${LAN_FLAG}`) === true
    if (first === undefined || !isAskedFor || !terminal.interactive || terminal.isAscii === true) return
    const code = await qrCode(first.url, terminal.strong('') !== '')
    if (Bun.stringWidth(code[0] ?? '') < (terminal.columns ?? 0)) terminal.say(`${code.join('\n')}\n`)
  }

  /** For a developer in front of a terminal. What a successor was started in is no job of the shell any more. */
  async #openKeys(server: OpenServer): Promise<DeveloperKeys | undefined> {
    const { mode, inherited } = this.#plan
    if (mode !== 'development' || inherited !== undefined || isOn(this.#invocation, 'json')) return undefined
    const quit = (): void => this.#stop('SIGINT', this.#interruptedBy !== undefined)
    const { DeveloperKeys } = await import('./developer-keys.ts')
    return new DeveloperKeys({ server, invocation: this.#invocation, quit })
  }

  #stop(signal: NodeJS.Signals, now: boolean): void {
    this.#interruptedBy = signal
    void this.#server?.close({ now })
  }

  /** If the successor does not serve, prints why and goes on. */
  #handOver(): void {
    const { terminal } = this.#invocation
    const refused = (reason: string): void => terminal.complain(`${terminal.bad('✗')} no restart: ${reason}`)
    this.#server?.handOver().then(
      (result) => (result.ok ? terminal.say(`process ${result.pid} takes over`) : refused(result.message)),
      (error: unknown) => refused(error instanceof Error ? error.message : String(error)),
    )
  }

  /** Carries out what a signal asks for; if it is refused, prints why and goes on. */
  #attempt(command: (manager: Manager, server: OpenServer) => Promise<unknown>): void {
    if (this.#server === undefined) return
    const { terminal } = this.#invocation
    void command(this.#server.manager, this.#server).catch((error: Error) => terminal.complain(error.message))
  }

  #exitCode(abandoned: number): number {
    if (abandoned > 0) throw new CliError('DRAIN_INCOMPLETE', { abandoned })
    return ExitCode.done
  }

  #facts({ manager, runDir, address, url, otherUrls, opsAddress }: OpenServer): ReadyFacts {
    const { mode, settings, entry, entryFoundBy, command } = this.#plan
    const isInDevelopment = mode === 'development'
    const { cwd } = this.#invocation
    return {
      mode,
      url,
      otherUrls,
      ...(isInDevelopment && url !== undefined && { network: lanUrls(address, url) }),
      exposed: address !== undefined && isExposed(address),
      ops: opsAddress && { url: addressUrl(opsAddress), exposed: isExposed(opsAddress) },
      entry,
      entryFoundBy,
      command: command && commandText(command),
      concurrency: settings.concurrency,
      watching: this.#watchingText(manager.status),
      control: runDir.controlPath,
      tookMs: performance.now() - this.#begunMs,
      version: ownManifest().version,
      snapshot: manager.status,
      cwd,
      hints: this.#plan.hints,
      keys: this.#keys?.line,
    }
  }

  #watchingText({ watching }: ManagerStatus): string {
    if (!watching && this.#plan.command !== undefined && this.#plan.mode === 'development')
      return 'off: the command does (on with --hotfix)'
    if (!watching) return 'off (on with --hotfix)'
    return this.#plan.mode === 'development' ? 'files: saving reloads' : 'files: saving reloads (--hotfix)'
  }
}

function lanUrls(address: ListenAddress | undefined, url: string): readonly LanUrl[] {
  if (address === undefined || 'unix' in address) return []
  const { protocol } = new URL(url)
  return lanAddresses(address.host).map(({ host, through }) => ({
    url: `${protocol}//${host}:${address.port}`,
    through,
  }))
}

async function scaleBy(manager: Manager, workers: number): Promise<void> {
  const wanted = manager.status.wantedWorkers + workers
  if (wanted >= 1) await manager.scale(wanted)
}

function isRefusal(error: unknown): error is ManagerError {
  return error instanceof ManagerError && error.code === 'BOOT_REFUSED'
}

/** A failure of the application as one message with its code frame; any other error unchanged. */
export function explained(error: unknown): unknown {
  if (!isRefusal(error)) return error
  const { refusal } = error.detail as ManagerErrorDetail<'BOOT_REFUSED'>
  const detail = { message: refusalMessage(refusal), frame: refusalDetail(refusal) }
  return new CliError(isAppsFault(refusal) ? 'APP_BROKEN' : 'BOOT_FAILED', detail, { cause: error })
}

/** Whether the application could not be compiled or loaded, as opposed to a worker that did not get ready. */
function isAppsFault({ code, failure }: Refusal): boolean {
  const kinds = ['not-found', 'compile', 'import', 'no-handler', 'own-port']
  return code === 'build-failed' || (failure !== undefined && kinds.includes(failure.kind))
}
