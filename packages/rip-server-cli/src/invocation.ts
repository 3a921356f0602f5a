import type { CommandLine } from './command-line/command-line.ts'
import { findConfigFile, readConfigFile } from './config/config-file.ts'
import { type ResolvedSettings, resolveSettings } from './config/resolve-settings.ts'
import type { Mode } from './config/settings.ts'
import { dirname, resolve } from 'node:path'
import { existsSync, statSync } from 'node:fs'
import type { GivenFlag } from './command-line/command-line.ts'
import type { Terminal } from './terminal/terminal.ts'

/** Everything a command is run with. */
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

/** The settings this invocation asks for, `app` being the word that names the application: flags and words > environment > file > defaults. */
export async function invocationSettings(
  { line, cwd, env }: Invocation,
  mode: Mode,
  app: string | undefined,
): Promise<ResolvedSettings> {
  const flags = new Map<string, GivenFlag>(line.flags)
  if (app !== undefined) flags.set('app', { value: app, written: app })
  const target = resolve(cwd, flags.get('app')?.value ?? '.')
  const given = flags.get('config')?.value
  const path = given === undefined ? findConfigFile(folderOf(target)) : resolve(cwd, given)
  const file =
    path === undefined ? undefined : await readConfigFile(path, { mode, command: line.command.name })
  return resolveSettings({ mode, cwd, flags, env, file })
}

function folderOf(path: string): string {
  return existsSync(path) && statSync(path).isDirectory() ? path : dirname(path)
}
