/** Signals that ask a program to stop, with their numbers. */
export const STOP_SIGNALS = { SIGINT: 2, SIGQUIT: 3, SIGTERM: 15 } as const

export type StopSignal = keyof typeof STOP_SIGNALS

export function isStopSignal(name: unknown): name is StopSignal {
  return typeof name === 'string' && Object.hasOwn(STOP_SIGNALS, name)
}
