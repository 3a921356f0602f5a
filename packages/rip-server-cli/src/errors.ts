import { ExitCode } from './exit-code.ts'

/** Messages by code: what happened, with which value, and what to do about it. */
const messages = {
  USAGE: (d: { readonly problems: readonly string[]; readonly help: string }): string =>
    `${listed('the command line', d.problems)}\n\nSee ${d.help}.`,
  APP_BROKEN: (d: { readonly message: string; readonly frame: string }): string =>
    withFrame(d.message, d.frame),
  BOOT_FAILED: (d: { readonly message: string; readonly frame: string }): string =>
    withFrame(d.message, d.frame),
  /** `elsewhere`: what runs in other places, a line each. */
  NOT_RUNNING: (d: { readonly what: string; readonly elsewhere: readonly string[] }): string =>
    d.elsewhere.length === 0
      ? `${d.what}; start it with "rip-server start", or see "rip-server ps"`
      : [`${d.what} here, but elsewhere:`, ...d.elsewhere.map((line) => `  ${line}`)].join('\n'),
  /** `user`: its name, where it has one. */
  OF_ANOTHER_USER: (d: {
    readonly runDir: string
    readonly uid: number
    readonly user: string | undefined
  }): string =>
    `the run directory ${d.runDir} is owned by ${d.user ?? `user ${d.uid}`}, and not read for another user; run the command as that user: ` +
    `sudo -u ${d.user ?? `'#${d.uid}'`} rip-server …`,
  SEVERAL_RUNNING: (d: { readonly names: readonly string[] }): string =>
    `${d.names.length} instances are running (${d.names.join(', ')}); choose one with --name or --run-dir`,
  RELOAD_REFUSED: (d: { readonly message: string; readonly frame: string }): string =>
    withFrame(`refused, the running code goes on serving: ${d.message}`, d.frame),
  TAKEN_BACK: (d: {
    readonly generation: string
    readonly message: string
    readonly frame: string
  }): string =>
    withFrame(`${d.generation} was taken back, the previous code serves again: ${d.message}`, d.frame),
  CONFIG_REFUSED: (d: { readonly message: string; readonly frame: string }): string =>
    withFrame(`refused, nothing has changed: ${d.message}`, d.frame),
  DRAIN_INCOMPLETE: (d: { readonly abandoned: number }): string =>
    `stopped, but ${d.abandoned === 1 ? '1 request was' : `${d.abandoned} requests were`} cut off at the deadline`,
  NO_WORKER: (d: { readonly name: string; readonly names: readonly string[] }): string =>
    `there is no worker ${d.name}; there is ${d.names.join(', ') || 'none'}`,
  NO_REQUEST: (d: { readonly id: string }): string =>
    `nothing is known of a request ${d.id}: it is not in flight, is none of the latest failures, and is not in what is kept of the log`,
  FINDING_UNREADABLE: (d: { readonly name: string; readonly what: string }): string =>
    `what ${d.name} sent is no ${d.what}`,
  FILE_NOT_MADE: (d: { readonly path: string; readonly reason: string }): string =>
    `${d.path} cannot be written: ${d.reason}`,
  /** `found`: what would be served. */
  APPLICATION_EXISTS: (d: { readonly folder: string; readonly found: string }): string =>
    `${d.folder} has an application already (${d.found}), so nothing was written: name a new folder for a template, or leave --template out`,
  /** `conflicts`: relative to the folder. */
  FILES_EXIST: (d: { readonly folder: string; readonly conflicts: readonly string[] }): string =>
    `${d.folder} has ${d.conflicts.join(', ')} already, and init overwrites nothing, so nothing was written: name a new folder, such as "rip-server init shop"`,
  /** `run`: what starts the application once the packages are there. */
  NOT_INSTALLED: (d: { readonly reason: string; readonly run: string }): string =>
    `the files are written, but "bun install" failed: ${d.reason}\nwhen that is repaired: ${d.run}`,
  /** `command`: what writes a starter there. */
  NO_APPLICATION: (d: { readonly message: string; readonly command: string }): string =>
    `${d.message}\n"${d.command}" writes an application to begin with`,
  TIMED_OUT: (d: { readonly what: string; readonly afterMs: number }): string =>
    `${d.what} did not finish within ${d.afterMs} ms; it may still do, see "rip-server status"`,
} as const

export type CliErrorCode = keyof typeof messages

export type CliErrorDetail<C extends CliErrorCode> = Parameters<(typeof messages)[C]>[0]

/** Exit code of the process after each of them. */
const exitCodes: Readonly<Record<CliErrorCode, ExitCode>> = {
  USAGE: ExitCode.usage,
  APP_BROKEN: ExitCode.appFailed,
  BOOT_FAILED: ExitCode.bootFailed,
  NOT_RUNNING: ExitCode.notRunning,
  OF_ANOTHER_USER: ExitCode.notRunning,
  SEVERAL_RUNNING: ExitCode.usage,
  RELOAD_REFUSED: ExitCode.reloadRefused,
  TAKEN_BACK: ExitCode.reloadRefused,
  CONFIG_REFUSED: ExitCode.configInvalid,
  DRAIN_INCOMPLETE: ExitCode.failed,
  NO_WORKER: ExitCode.usage,
  NO_REQUEST: ExitCode.failed,
  FINDING_UNREADABLE: ExitCode.failed,
  FILE_NOT_MADE: ExitCode.failed,
  APPLICATION_EXISTS: ExitCode.failed,
  FILES_EXIST: ExitCode.failed,
  NOT_INSTALLED: ExitCode.failed,
  NO_APPLICATION: ExitCode.appFailed,
  TIMED_OUT: ExitCode.timedOut,
}

/** Every failure the command line reports on purpose. `code` says which, `exitCode` is what the process ends with. */
export class CliError<C extends CliErrorCode = CliErrorCode> extends Error {
  override readonly name = 'CliError'
  readonly code: C
  readonly detail: CliErrorDetail<C>

  constructor(code: C, detail: CliErrorDetail<C>, options?: ErrorOptions) {
    // The table pairs each code with its own detail, which the union of all functions cannot express.
    super((messages[code] as (d: CliErrorDetail<C>) => string)(detail), options)
    this.code = code
    this.detail = detail
  }

  get exitCode(): ExitCode {
    return exitCodes[this.code]
  }
}

/** One problem on the same line, several each on its own line. */
function listed(where: string, problems: readonly string[]): string {
  if (problems.length === 1) return problems[0]!
  return [`${where} has ${problems.length} errors:`, ...problems.map((problem) => `  ${problem}`)].join('\n')
}

function withFrame(message: string, frame: string): string {
  return frame === '' ? message : `${message}\n\n${frame}`
}
