import { lstatSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { parseEnv } from 'node:util'
import { FileRefused, readRegularFile } from '@rip/worker/entry'
import { ServerError } from '../errors.ts'

/** The names of `NODE_ENV` that choose the `.env` files Bun reads; any other chooses those of development. */
const FILE_MODES = ['production', 'development', 'test'] as const

export type FileMode = (typeof FILE_MODES)[number]

/** A `.env` file with its variables. */
export interface EnvFile {
  readonly name: string
  readonly values: Readonly<NodeJS.Dict<string>>
}

/** The mode, and whether the folder belongs to another user. */
export interface EnvFileOptions {
  readonly mode: FileMode
  /**
   * Whether the files are read for another user: then no link out of the folder is followed.
   *
   * @default whether the folder is another user's
   */
  readonly isForeign?: boolean | undefined
}

export function asFileMode(text: string | undefined): FileMode | undefined {
  return FILE_MODES.find((each) => each === text)
}

/** The files Bun reads for a mode, those that win first (Bun 1.4.5). */
export function envFileNames(mode: FileMode): readonly string[] {
  // Without local files in tests, so that they run alike on every machine.
  const local = mode === 'test' ? [] : ['.env.local']
  return [`.env.${mode}.local`, ...local, `.env.${mode}`, '.env']
}

/** The files that Bun reads for other modes only: their content makes no difference. */
export function otherEnvFileNames(mode: FileMode): readonly string[] {
  const read = envFileNames(mode)
  return FILE_MODES.flatMap(envFileNames).filter((name) => !read.includes(name))
}

/**
 * The `.env` files of a folder as Bun reads them, those that win first; none if `bunfig.toml` says so.
 *
 * @throws ServerError `FILE_REFUSED` for a file that would block its reader, or that a link of another user leads to.
 */
export function readEnvFiles(folder: string, { mode, isForeign }: EnvFileOptions): readonly EnvFile[] {
  const staysInFolder = isForeign === true
  if (isTurnedOff(join(folder, 'bunfig.toml'), staysInFolder)) return []
  return envFileNames(mode).map((name) => readEnvFile(join(folder, name), staysInFolder))
}

/** The `.env` files of a folder that Bun reads in one mode or another; it never reads `.env.example` and the like. */
export function allEnvFiles(folder: string): readonly EnvFile[] {
  const names = new Set(FILE_MODES.flatMap(envFileNames))
  return [...names].map((name) => {
    try {
      return readEnvFile(join(folder, name), true)
    } catch {
      // Reading the file for its variables reports why it is refused.
      return { name, values: {} }
    }
  })
}

function readEnvFile(path: string, staysInFolder: boolean): EnvFile {
  return { name: basename(path), values: parseEnv(readSettingFile(path, staysInFolder) ?? '') }
}

/** Whether it has `env = false`. Bun reports anything else that is wrong with the file. */
function isTurnedOff(path: string, staysInFolder: boolean): boolean {
  const text = readSettingFile(path, staysInFolder)
  if (text === undefined) return false
  try {
    const { env } = Bun.TOML.parse(text) as { readonly env?: boolean | { readonly file?: boolean } | null }
    return env === false || (typeof env === 'object' && env?.file === false)
  } catch {
    return false
  }
}

/** Undefined when it does not exist, is a folder, or may not be read: Bun skips those, too. */
function readSettingFile(path: string, staysInFolder: boolean): string | undefined {
  try {
    return readRegularFile(path, { staysInFolder: staysInFolder || isOfSomebodyElse(path) })
  } catch (error) {
    if (!(error instanceof FileRefused) || error.isFolder) return undefined
    throw new ServerError('FILE_REFUSED', { path, reason: error.message }, { cause: error })
  }
}

/** Whether this process is root and another user decides where the path leads. */
function isOfSomebodyElse(path: string): boolean {
  if (process.geteuid?.() !== 0) return false
  const folder = statSync(dirname(path), { throwIfNoEntry: false })
  const link = lstatSync(path, { throwIfNoEntry: false })
  return [folder, link].some((status) => status !== undefined && status.uid !== 0)
}
