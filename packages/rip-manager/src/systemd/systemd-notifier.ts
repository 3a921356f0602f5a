import { systemClock } from '../system/clock.ts'
import { openLibc } from '../system/libc.ts'
import type { Manager } from '../contract/manager-api.ts'
import type { Clock } from '../contract/ports.ts'
import type { ManagerStatus } from '../contract/status.ts'
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
  const socket = options.socket ?? openNotifySocket(name)

  const owned = new DisposableStack()
  owned.defer(() => socket.close())
  const clock = options.clock ?? systemClock
  const periodMs = watchdogMs(env)
  if (periodMs !== undefined) owned.use(pingEvery(clock, periodMs / 2, () => socket.send('WATCHDOG=1')))

  const status = (): string => `STATUS=${describe(manager.status)}`
  const ready = (): void => socket.send(`READY=1\n${status()}`)
  let isReady = false
  let isReloading = false
  const reloading = (): void => {
    if (!isReady) return
    isReloading = true
    socket.send(`RELOADING=1\nMONOTONIC_USEC=${monotonicUs()}\n${status()}`)
  }
  // The sender of SIGHUP waits for both, even if there was nothing to do.
  const reloaded = (): void => {
    if (!isReady) return
    if (!isReloading) reloading()
    isReloading = false
    ready()
  }
  owned.use(
    manager.on('ready', () => {
      isReady = true
      ready()
    }),
  )
  owned.use(manager.on('generation-building', reloading))
  for (const end of ['generation-cut', 'generation-refused', 'generation-unchanged'] as const) {
    owned.use(manager.on(end, reloaded))
  }
  owned.use(manager.on('health', () => socket.send(status())))
  owned.use(manager.on('stopping', () => socket.send(`STOPPING=1\n${status()}`)))
  return {
    handOver(pid) {
      socket.send(`MAINPID=${pid}\nREADY=1\n${status()}`)
      owned.dispose()
    },
    [Symbol.dispose]: () => owned.dispose(),
  }
}

/** The watchdog may be meant for another process of the service. */
function watchdogMs(env: Readonly<Record<string, string | undefined>>): number | undefined {
  const pid = env['WATCHDOG_PID']
  if (pid !== undefined && Number(pid) !== process.pid) return undefined
  const periodUs = Number(env['WATCHDOG_USEC'])
  return Number.isFinite(periodUs) && periodUs > 0 ? periodUs / 1_000 : undefined
}

function pingEvery(clock: Clock, everyMs: number, ping: () => void): Disposable {
  let timer: Disposable | undefined
  const tick = (): void => {
    ping()
    timer = clock.after(everyMs, tick)
  }
  tick()
  return { [Symbol.dispose]: () => timer?.[Symbol.dispose]() }
}

/** Of the machine, as systemd compares it with its own. */
function monotonicUs(): bigint {
  return openLibc()?.monotonicUs() ?? BigInt(Math.round(performance.now() * 1_000))
}

/** One line: systemd ends a field at a line end. */
function describe(snapshot: ManagerStatus): string {
  const { health, generation, readyWorkers, wantedWorkers, lastRefusal } = snapshot
  const serving = generation === null ? 'nothing is served yet' : `generation ${generation}`
  const refusal = lastRefusal === null ? '' : `; refused ${lastRefusal.generation}: ${lastRefusal.message}`
  return `${health}, ${serving}, ${readyWorkers} of ${wantedWorkers} workers ready${refusal}`.replaceAll(
    /\s+/g,
    ' ',
  )
}
