import { ManagerError, type ManagerErrorDetail, type Refusal } from '@rip/manager'
import type { Mode, Settings } from '../config/settings.ts'
import { CliError } from '../errors.ts'
import { ExitCode } from '../exit-code.ts'
import { type Invocation, invocationSettings, isOn } from '../invocation.ts'
import { instanceName } from '../instance/identity.ts'
import { entryFile, locateApp } from '../serve/app-location.ts'
import { refusalDetail, refusalMessage } from '../serve/event-line.ts'
import { addressUrl, isExposed, listenAddress } from '../serve/listen-address.ts'
import { readyBlock } from '../serve/ready-block.ts'
import { reportEvents } from '../serve/reporter.ts'
import { Server, type ServerPlan } from '../serve/server.ts'
import { handleSignals, signalExitCode } from '../serve/signals.ts'
import manifest from '../../package.json' with { type: 'json' }

/** Serves an application in production. */
export function start(invocation: Invocation): Promise<number> {
  return serve(invocation, 'production')
}

/** Serves an application while somebody works on it. */
export function dev(invocation: Invocation): Promise<number> {
  return serve(invocation, 'development')
}

async function serve(invocation: Invocation, mode: Mode): Promise<number> {
  const { settings } = await invocationSettings(invocation, mode)
  return servePlan(planServer(settings, mode, invocation), invocation)
}

/** Runs a server from its start to its end; resolves with the exit code. */
export async function servePlan(plan: ServerPlan, invocation: Invocation): Promise<number> {
  const server = await Server.open(plan)
  return new Serving(server, plan, invocation).run()
}

/** Throws {@link CliError} `APP_NOT_FOUND`. */
export function planServer(settings: Settings, mode: Mode, { env, terminal }: Invocation): ServerPlan {
  const { root, entry = root } = locateApp(settings.app)
  return {
    mode,
    settings,
    root,
    entry: entryFile(entry),
    watch: mode === 'development' || settings.hotfix,
    listen: listenAddress(settings, mode),
    env,
    color: process.stdout.isTTY === true && (env['NO_COLOR'] ?? '') === '',
    warn: (message) => terminal.complain(`${terminal.bad('warning')} ${message}`),
  }
}

/** One server from its start to its end, under the hands of signals. */
class Serving {
  readonly #server: Server
  readonly #plan: ServerPlan
  readonly #invocation: Invocation
  #serves = false
  #interruptedBy: NodeJS.Signals | undefined

  constructor(server: Server, plan: ServerPlan, invocation: Invocation) {
    this.#server = server
    this.#plan = plan
    this.#invocation = invocation
  }

  async run(): Promise<number> {
    using _signals = handleSignals({
      stop: ({ signal, now }) => this.#stop(signal, now),
      reload: () => void this.#server.manager.reload({ reason: 'SIGHUP' }),
      restart: () => void this.#server.manager.restart({ reason: 'SIGUSR1' }),
      scaleBy: (workers) => this.#scaleBy(workers),
    })
    const told = reportEvents(this.#server.manager, {
      terminal: this.#invocation.terminal,
      verbose: isOn(this.#invocation, 'verbose'),
      json: isOn(this.#invocation, 'json'),
      serves: () => this.#serves,
    })
    try {
      await this.#server.start()
      this.#announce()
      await told
      const { abandoned } = await this.#server.close()
      return this.#exitCode(abandoned)
    } catch (error) {
      await this.#server.close({ now: true })
      if (this.#interruptedBy !== undefined && !this.#serves) return signalExitCode(this.#interruptedBy)
      throw explained(error)
    }
  }

  #stop(signal: NodeJS.Signals, now: boolean): void {
    this.#interruptedBy = signal
    void this.#server.close({ now })
  }

  #exitCode(abandoned: number): number {
    if (abandoned > 0) throw new CliError('DRAIN_INCOMPLETE', { abandoned })
    return ExitCode.done
  }

  #scaleBy(workers: number): void {
    const wanted = this.#server.manager.snapshot.wantedWorkers + workers
    if (wanted >= 1) void this.#server.manager.scale(wanted)
  }

  #announce(): void {
    this.#serves = true
    const { manager, runDir, address } = this.#server
    const { mode, settings, root, entry } = this.#plan
    const url = address === undefined ? 'none' : addressUrl(address)
    runDir.publish({
      name: instanceName(settings, root),
      root,
      url,
      startedAtMs: manager.snapshot.startedAtMs,
    })
    const block = readyBlock(
      {
        mode,
        url,
        exposed: address !== undefined && isExposed(address),
        entry,
        concurrency: settings.concurrency,
        watching: this.#watchingText(),
        control: runDir.controlPath,
        tookMs: performance.now(),
        version: manifest.version,
        snapshot: manager.snapshot,
        cwd: this.#invocation.cwd,
      },
      this.#invocation.terminal,
    )
    this.#invocation.terminal.say(block)
  }

  #watchingText(): string {
    if (!this.#server.manager.snapshot.watching) return 'no, as in production; --hotfix would'
    return this.#plan.mode === 'development' ? 'yes, as in development' : 'yes, by --hotfix'
  }
}

/** The application's fault as one message with its code frame; anything else as it is. */
export function explained(error: unknown): unknown {
  if (!(error instanceof ManagerError) || error.code !== 'BOOT_REFUSED') return error
  const { refusal } = error.detail as ManagerErrorDetail<'BOOT_REFUSED'>
  const detail = { message: refusalMessage(refusal), frame: refusalDetail(refusal) }
  return new CliError(isAppsFault(refusal) ? 'APP_BROKEN' : 'BOOT_FAILED', detail, { cause: error })
}

/** Could not be compiled or loaded, as opposed to a worker that did not get ready. */
function isAppsFault({ code, failure }: Refusal): boolean {
  const kinds = ['not-found', 'compile', 'import', 'no-handler', 'own-port']
  return code === 'build-failed' || (failure !== undefined && kinds.includes(failure.kind))
}
