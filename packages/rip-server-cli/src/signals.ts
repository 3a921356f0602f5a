import { constants } from 'node:os'
import type { Mode } from '@rip/server/settings'
import { SIGNAL_EXIT_BASE } from './exit-code.ts'
import { ControllingTerminal, isHangUpIgnored } from './terminal/controlling-terminal.ts'

/** What operators can do by signals; for each there is also a command. */
export interface SignalActions {
  /** `now` is true from the second request to stop on. */
  stop(request: { readonly signal: NodeJS.Signals; readonly now: boolean }): void
  reload(): void
  restart(): void
  handOver(): void
  scaleBy(workers: number): void
}

/**
 * Ctrl-C reaches a program twice when its parent process passes the terminal's signal on as well (`bun run`,
 * `npm run`), and so does TERM to a whole group: signals this close together count as one.
 */
const SAME_REQUEST_MS = 250

/** How long a terminal may still seem to exist for its processes after its hang-up: they get the signal first. */
const HANG_UP_MS = 50

/** The signals of unicorn and nginx: TERM, INT and QUIT stop, HUP reloads, USR1 restarts, USR2 hands over to a
 * new process, TTIN and TTOU scale. What the terminal means by HUP, TTIN and TTOU is something else. */
export function handleSignals(
  actions: SignalActions,
  mode: Mode,
  terminal: ControllingTerminal = new ControllingTerminal(),
): Disposable {
  let askedAt: number | undefined
  const stop = (signal: NodeJS.Signals) => (): void => {
    const now = askedAt !== undefined
    if (askedAt !== undefined && performance.now() - askedAt < SAME_REQUEST_MS) return
    askedAt ??= performance.now()
    actions.stop({ signal, now })
  }
  const scaleBy = (workers: number) => (): void => {
    if (!terminal.stopsJob) actions.scaleBy(workers)
  }
  const hangUp = new HangUp(terminal, mode, {
    stop: () => actions.stop({ signal: 'SIGHUP', now: false }),
    reload: () => actions.reload(),
  })
  const handlers: readonly (readonly [NodeJS.Signals, () => void])[] = [
    ['SIGTERM', stop('SIGTERM')],
    ['SIGINT', stop('SIGINT')],
    ['SIGQUIT', stop('SIGQUIT')],
    ...(hangUp.isHandled ? ([['SIGHUP', () => void hangUp.take()]] as const) : []),
    ['SIGUSR1', () => actions.restart()],
    ['SIGUSR2', () => actions.handOver()],
    ['SIGTTIN', scaleBy(1)],
    ['SIGTTOU', scaleBy(-1)],
  ]
  for (const [signal, handler] of handlers) process.on(signal, handler)
  return {
    [Symbol.dispose]() {
      for (const [signal, handler] of handlers) process.off(signal, handler)
    },
  }
}

/** Tells a SIGHUP of an operator, who wants a reload, from one of a terminal whose window was closed. */
class HangUp {
  readonly #terminal: ControllingTerminal
  readonly #mode: Mode
  readonly #actions: { stop(): void; reload(): void }
  readonly #isIgnored = isHangUpIgnored()

  constructor(terminal: ControllingTerminal, mode: Mode, actions: { stop(): void; reload(): void }) {
    this.#terminal = terminal
    this.#mode = mode
    this.#actions = actions
  }

  /** Not under nohup(1) in development; in production, operators may still ask for a reload. */
  get isHandled(): boolean {
    return this.#mode === 'production' || !this.#isIgnored
  }

  async take(): Promise<void> {
    const { existed, shown } = this.#terminal
    // In development, a developer reloads by saving files, so the terminal must have been closed.
    if (existed && this.#mode === 'development') return this.#actions.stop()
    if (existed && !this.#terminal.isGone) await Bun.sleep(HANG_UP_MS)
    if (!this.#terminal.isGone) return this.#actions.reload()
    if (shown && !this.#isIgnored) this.#actions.stop()
  }
}

/** Calls back when output cannot be shown any more because the terminal was closed; a closed pipe does not count. */
export function onTerminalGone(run: () => void): Disposable {
  const onError = (error: Error): void => {
    if ('code' in error && error.code === 'EIO') run()
  }
  const outputs = [process.stdout, process.stderr]
  for (const output of outputs) output.on('error', onError)
  return {
    [Symbol.dispose]() {
      for (const output of outputs) output.off('error', onError)
    },
  }
}

/** Exit code of a process that a signal interrupted before it served. */
export function signalExitCode(signal: NodeJS.Signals): number {
  return SIGNAL_EXIT_BASE + constants.signals[signal]
}
