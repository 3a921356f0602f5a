import type { GivenFlag, Mode } from '@rip/server/settings'
import { type ReadConfigOptions, readSettings, type SettingsRead } from '@rip/server/sources'
import type { CommandLine } from './command-line/command-line.ts'
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
