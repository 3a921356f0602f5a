import { existsSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import type { Account } from '@rip/manager'
import { findConfigFile, readConfigFile, type ReadConfigOptions } from './config-file.ts'
import type { GivenFlag } from './given-flag.ts'
import { nodeEnv, type NodeEnv } from './node-env.ts'
import { fileEnvironment, fileVariables, ownEnvironment, valuesOf } from './own-environment.ts'
import { withPackageSettings } from './package-settings.ts'
import { proveFiles } from './prove-files.ts'
import { Unacceptable } from './quantity.ts'
import { type ResolvedSettings, resolveSettings } from './resolve-settings.ts'
import type { Mode } from './settings.ts'
import { userAccount } from './user-account.ts'

/** What a command reads settings with: its name, flags and environment. */
export interface SettingsRequest {
  readonly mode: Mode
  /** Name of the command, such as `start`; a configuration in the form of a function is called with it. */
  readonly command: string
  /** Flags by their long names. @default none */
  readonly flags?: ReadonlyMap<string, GivenFlag>
  /** Folder relative paths start from. */
  readonly cwd: string
  readonly env: Readonly<Record<string, string | undefined>>
}

export interface SettingsRead extends ResolvedSettings {
  /** `NODE_ENV` of the application, and where that comes from. */
  readonly nodeEnv: Pick<NodeEnv, 'value' | 'origin'>
  /** Path of the configuration. */
  readonly configFile: string | undefined
  /** Files of the configuration: itself and what it imports. */
  readonly files: readonly string[]
}

/**
 * Reads the settings: flags > environment > file > `package.json` > defaults. Aborting ends the evaluation of the file, which runs as
 * the user of the flag `user` if there is one.
 *
 * @throws ServerError
 */
export async function readSettings(
  { mode, command, flags = new Map(), cwd, env }: SettingsRequest,
  options: ReadConfigOptions = {},
): Promise<SettingsRead> {
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
          { mode, command },
          fileEnvironment({ ...valuesOf(envFiles), ...own }, dirname(path), { mode: files, isForeign }),
          {
            ...options,
            account: options.account ?? givenUser(flags),
          },
        )
  const resolved = withPackageSettings(resolveSettings({ mode, cwd, flags, env: own, envFiles, file }), mode)
  return { ...resolved, nodeEnv: { value, origin }, configFile: file?.path, files: file?.files ?? [] }
}

/**
 * The user of the flag, because the file belongs to the application and is read with its rights. A wrong flag is
 * reported later.
 */
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
