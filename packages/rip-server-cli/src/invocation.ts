import type { CommandLine } from './command-line/command-line.ts'
import { findConfigFile, readConfigFile, type ReadConfigOptions } from './config/config-file.ts'
import { nodeEnv, type NodeEnv } from './config/node-env.ts'
import { fileEnvironment, fileVariables, ownEnvironment, valuesOf } from './config/own-environment.ts'
import { proveFiles } from './config/prove-files.ts'
import { type ResolvedSettings, resolveSettings } from './config/resolve-settings.ts'
import type { Mode } from './config/settings.ts'
import { userAccount } from './config/user-account.ts'
import { Unacceptable } from './command-line/quantity.ts'
import type { Account } from '@rip/manager'
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

export interface InvocationSettings extends ResolvedSettings {
  /** `NODE_ENV` of the application, and where that comes from. */
  readonly nodeEnv: Pick<NodeEnv, 'value' | 'origin'>
  /** Path of the configuration. */
  readonly configFile: string | undefined
  /** Files of the configuration: itself and what it imports. */
  readonly files: readonly string[]
}

/**
 * The settings this invocation asks for, `app` being the word that names the application: flags and words > environment >
 * file > defaults. Aborting ends the evaluation of the file, which runs as the user of the flag `user` if there is one.
 */
export async function invocationSettings(
  { line, cwd, env }: Invocation,
  mode: Mode,
  app: string | undefined,
  options: ReadConfigOptions = {},
): Promise<InvocationSettings> {
  const flags = new Map<string, GivenFlag>(line.flags)
  if (app !== undefined) flags.set('app', { value: app, written: app })
  const target = resolve(cwd, flags.get('app')?.value ?? '.')
  const given = flags.get('config')?.value
  const path = given === undefined ? findConfigFile(folderOf(target)) : resolve(cwd, given)
  const home = folderOf(target)
  const exported = ownEnvironment(env, [home, cwd])
  const isForeign = options.account !== undefined || flags.has('user')
  proveFiles(home)
  const { value, origin, files, variables } = nodeEnv(exported, home, mode, isForeign)
  const own = { ...exported, ...variables }
  const envFiles = fileVariables(exported, cwd, { mode: files })
  const file =
    path === undefined
      ? undefined
      : await readConfigFile(
          path,
          { mode, command: line.command.name },
          fileEnvironment({ ...valuesOf(envFiles), ...own }, dirname(path), { mode: files, isForeign }),
          {
            ...options,
            account: options.account ?? givenUser(flags),
          },
        )
  const resolved = resolveSettings({ mode, cwd, flags, env: own, envFiles, file })
  return { ...resolved, nodeEnv: { value, origin }, configFile: file?.path, files: file?.files ?? [] }
}

/** The file belongs to the application: it is read with its rights. What is wrong with the flag is told later. */
function givenUser(flags: ReadonlyMap<string, GivenFlag>): Account | undefined {
  const text = flags.get('user')?.value
  if (text === undefined || process.geteuid?.() !== 0) return undefined
  try {
    return userAccount(text)
  } catch (error) {
    if (error instanceof Unacceptable) return undefined
    throw error
  }
}

function folderOf(path: string): string {
  return existsSync(path) && statSync(path).isDirectory() ? path : dirname(path)
}
