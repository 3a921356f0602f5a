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

/** What each of them says, for documents. */
export const exitCodeMeanings: Readonly<Record<ExitCode, string>> = {
  [ExitCode.done]: 'done; after a stop: every request was answered',
  [ExitCode.failed]:
    'failed while running, or requests had to be cut off; of `status`: not healthy, or condemned code on disk',
  [ExitCode.usage]: 'the command line is wrong',
  [ExitCode.bootFailed]: 'a worker did not start',
  [ExitCode.appFailed]: 'the application could not be found, compiled or loaded',
  [ExitCode.configInvalid]: 'the configuration is invalid',
  [ExitCode.alreadyRunning]: 'already running',
  [ExitCode.notRunning]: 'not running, or not visible to this user',
  [ExitCode.reloadRefused]: 'refused, or taken back; the old code goes on serving',
  [ExitCode.timedOut]: 'timed out waiting',
}

/** The same of {@link SIGNAL_EXIT_BASE} and a signal. */
export const SIGNAL_EXIT_MEANING = 'interrupted by signal n before it served'
