import { constants } from 'node:os'
import { SIGNAL_EXIT_BASE } from '../exit-code.ts'

/** What operators reach by signals; each has a command that does the same. */
export interface SignalActions {
  /** `now` from the second request to stop on. */
  stop(request: { readonly signal: NodeJS.Signals; readonly now: boolean }): void
  reload(): void
  restart(): void
  handOver(): void
  scaleBy(workers: number): void
}

/**
 * Ctrl-C reaches a program twice when whoever started it passes the terminal's signal on as well (`bun run`,
 * `npm run`): signals so close together are one request.
 */
const SAME_REQUEST_MS = 100

/** The signals of unicorn and nginx: TERM, INT and QUIT stop, HUP reloads, USR1 restarts, USR2 hands over to a
 * new process, TTIN and TTOU scale. */
export function handleSignals(actions: SignalActions): Disposable {
  let askedAt: number | undefined
  const stop = (signal: NodeJS.Signals) => (): void => {
    const now = askedAt !== undefined
    if (askedAt !== undefined && performance.now() - askedAt < SAME_REQUEST_MS) return
    askedAt ??= performance.now()
    actions.stop({ signal, now })
  }
  const handlers: readonly (readonly [NodeJS.Signals, () => void])[] = [
    ['SIGTERM', stop('SIGTERM')],
    ['SIGINT', stop('SIGINT')],
    ['SIGQUIT', stop('SIGQUIT')],
    ['SIGHUP', () => actions.reload()],
    ['SIGUSR1', () => actions.restart()],
    ['SIGUSR2', () => actions.handOver()],
    ['SIGTTIN', () => actions.scaleBy(1)],
    ['SIGTTOU', () => actions.scaleBy(-1)],
  ]
  for (const [signal, handler] of handlers) process.on(signal, handler)
  return {
    [Symbol.dispose]() {
      for (const [signal, handler] of handlers) process.off(signal, handler)
    },
  }
}

/** What a process ends with that a signal interrupted before it served. */
export function signalExitCode(signal: NodeJS.Signals): number {
  return SIGNAL_EXIT_BASE + constants.signals[signal]
}
