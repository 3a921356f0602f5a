import { systemClock } from '../system/clock.ts'
import { openLibc } from '../system/libc.ts'
import type { Manager } from '../contract/manager-api.ts'
import type { Clock } from '../contract/ports.ts'
import type { ManagerHealth, ManagerStatus } from '../contract/status.ts'
import { type NotifySocket, openNotifySocket } from './notify-socket.ts'

/** Variables the service manager passes; they are meant for us, not for our children. */
export const SYSTEMD_VARIABLES: readonly string[] = ['NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID']

export interface SystemdOptions {
  /** @default process.env */
  readonly env?: Readonly<Record<string, string | undefined>>
  readonly clock?: Clock
  readonly socket?: NotifySocket
}

/** Talks to systemd until it is disposed of. */
export interface SystemdNotifier extends Disposable {
  /** Another process is the main one of the service from now on; this one says nothing more. */
  handOver(pid: number): void
}

/**
 * Tells systemd what a manager does, as sd_notify(3) describes: `READY=1` when the first generation serves,
 * `RELOADING=1` with its time and `READY=1` around each reload, also one that is refused or finds nothing new, `STOPPING=1`, and
 * `STATUS=` with the generation and the last refusal. With `WatchdogSec=` it reports life at half the
 * period, from the manager's own event loop: when that hangs, the reports stop.
 *
 * Returns `undefined` when systemd does not ask for it (no `NOTIFY_SOCKET`).
 */
export function notifySystemd(
  manager: Pick<Manager, 'on' | 'status'>,
  options: SystemdOptions = {},
): SystemdNotifier | undefined {
  const env = options.env ?? process.env
  const name = env['NOTIFY_SOCKET']
  if (name === undefined || !/^[/@]/.test(name)) return undefined
  const notifier = new StatusNotifier(manager, options.socket ?? openNotifySocket(name))
  const periodMs = watchdogMs(env)
  if (periodMs !== undefined) notifier.feedWatchdog(options.clock ?? systemClock, periodMs / 2)
  return notifier
}

class StatusNotifier implements SystemdNotifier {
  readonly #manager: Pick<Manager, 'on' | 'status'>
  readonly #socket: NotifySocket
  readonly #owned = new DisposableStack()
  #isReady = false
  #isReloading = false
  /** Counted by the balancers, of which the status of the manager does not know. */
  #isFailing = false

  constructor(manager: Pick<Manager, 'on' | 'status'>, socket: NotifySocket) {
    this.#manager = manager
    this.#socket = socket
    this.#owned.defer(() => socket.close())
    this.#owned.use(manager.on('ready', () => this.#ready()))
    this.#owned.use(manager.on('generation-building', () => this.#reloading()))
    for (const end of ['generation-cut', 'generation-refused', 'generation-unchanged'] as const) {
      this.#owned.use(manager.on(end, () => this.#reloaded()))
    }
    this.#owned.use(manager.on('health', ({ health }) => this.#healthIs(health)))
    this.#owned.use(manager.on('stopping', () => this.#send('STOPPING=1')))
  }

  feedWatchdog(clock: Clock, everyMs: number): void {
    this.#owned.use(repeat(clock, everyMs, () => this.#socket.send('WATCHDOG=1')))
  }

  handOver(pid: number): void {
    this.#send(`MAINPID=${pid}`, 'READY=1')
    this.#owned.dispose()
  }

  [Symbol.dispose](): void {
    this.#owned.dispose()
  }

  #ready(): void {
    this.#isReady = true
    this.#send('READY=1')
  }

  #healthIs(health: ManagerHealth): void {
    this.#isFailing = health === 'failing'
    this.#send()
  }

  #reloading(): void {
    if (!this.#isReady) return
    this.#isReloading = true
    this.#send('RELOADING=1', `MONOTONIC_USEC=${monotonicUs()}`)
  }

  /** The sender of SIGHUP waits for both, even if there was nothing to do. */
  #reloaded(): void {
    if (!this.#isReady) return
    if (!this.#isReloading) this.#reloading()
    this.#isReloading = false
    this.#send('READY=1')
  }

  /** Sends these fields and the status of the manager. */
  #send(...fields: readonly string[]): void {
    const { status } = this.#manager
    const isFailing = this.#isFailing && status.health === 'ok'
    const shown = isFailing ? { ...status, health: 'failing' as const } : status
    this.#socket.send([...fields, `STATUS=${describe(shown)}`].join('\n'))
  }
}

/** The watchdog may be meant for another process of the service. */
function watchdogMs(env: Readonly<Record<string, string | undefined>>): number | undefined {
  const pid = env['WATCHDOG_PID']
  if (pid !== undefined && Number(pid) !== process.pid) return undefined
  const periodUs = Number(env['WATCHDOG_USEC'])
  return Number.isFinite(periodUs) && periodUs > 0 ? periodUs / 1_000 : undefined
}

function repeat(clock: Clock, everyMs: number, run: () => void): Disposable {
  let timer: Disposable | undefined
  const tick = (): void => {
    run()
    timer = clock.after(everyMs, tick)
  }
  tick()
  return { [Symbol.dispose]: () => timer?.[Symbol.dispose]() }
}

/** Of the machine's clock, as systemd compares it with its own. */
function monotonicUs(): bigint {
  return openLibc()?.monotonicUs() ?? BigInt(Math.round(performance.now() * 1_000))
}

/** One line: systemd ends a field at a line end. */
function describe(status: ManagerStatus): string {
  const { health, generation, readyWorkers, wantedWorkers, lastRefusal } = status
  const serving = generation === null ? 'nothing is served yet' : `generation ${generation}`
  const refusal = lastRefusal === null ? '' : `; refused ${lastRefusal.generation}: ${lastRefusal.message}`
  return `${health}, ${serving}, ${readyWorkers} of ${wantedWorkers} workers ready${refusal}`.replaceAll(
    /\s+/g,
    ' ',
  )
}
