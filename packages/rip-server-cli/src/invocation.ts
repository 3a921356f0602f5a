import { type GivenFlag, type Mode, Unacceptable, unacceptableText } from '@rip/server/settings'
import { type ReadConfigOptions, readSettings, type SettingsRead } from '@rip/server/sources'
import type { CommandLine } from './command-line/command-line.ts'
import { CliError } from './errors.ts'
import type { Terminal } from './terminal/terminal.ts'

/** Everything that a command gets. */
export interface Invocation {
  readonly line: CommandLine
  readonly terminal: Terminal
  readonly cwd: string
  readonly env: Readonly<Record<string, string | undefined>>
}

/** Whether a switch was given. */
export function isOn(invocation: Invocation, flag: string): boolean {
  return invocation.line.flags.has(flag)
}

/** Text of a flag, if given. */
export function flagValue(invocation: Invocation, flag: string): string | undefined {
  return invocation.line.flags.get(flag)?.value
}

/**
 * Value of a flag, if given. @param parse throws `Unacceptable` for a text that is no such value
 *
 * @throws CliError `USAGE`
 */
export function readFlag<T>(invocation: Invocation, flag: string, parse: (text: string) => T): T | undefined {
  const text = flagValue(invocation, flag)
  if (text === undefined) return undefined
  try {
    return parse(text)
  } catch (error) {
    if (!(error instanceof Unacceptable)) throw error
    const problem = `--${flag}: ${unacceptableText(error, text)}`
    const help = `rip-server ${invocation.line.command.name} --help`
    throw new CliError('USAGE', { problems: [problem], help }, { cause: error })
  }
}

/** Whether to go on with what happens, as it is unless told otherwise. @throws CliError `USAGE` */
export function follows(invocation: Invocation): boolean {
  const ends = isOn(invocation, 'no-follow')
  if (!ends || !isOn(invocation, 'follow')) return !ends
  const help = `rip-server ${invocation.line.command.name} --help`
  throw new CliError('USAGE', { problems: ['--follow and --no-follow contradict each other'], help })
}

/** The settings of this invocation; `app` is the word that names the application. @throws ServerError */
export function invocationSettings(
  { line, cwd, env }: Invocation,
  mode: Mode,
  app: string | undefined,
  options: ReadConfigOptions = {},
): Promise<SettingsRead> {
  const flags = new Map<string, GivenFlag>(line.flags)
  if (app !== undefined) flags.set('app', { value: app, written: app })
  return readSettings({ mode, command: line.command.name, flags, cwd, env }, options)
}
