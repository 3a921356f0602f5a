/** What each exit code of `rip-server` means; scripts may rely on it. */
export const ExitCode = {
  done: 0,
  failed: 1,
  usage: 2,
  bootFailed: 3,
  appFailed: 4,
  configInvalid: 5,
  alreadyRunning: 6,
  notRunning: 7,
  reloadRefused: 8,
  timedOut: 9,
} as const

export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode]

/** The shell's convention for a process that ended by a signal: 128 + its number. */
export const SIGNAL_EXIT_BASE = 128
