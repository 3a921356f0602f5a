import { existsSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { findEntry, WorkerError } from '@rip/worker'
import { commands } from '../command-line/commands.ts'
import { didYouMean } from '../command-line/suggestion.ts'
import { CliError } from '../errors.ts'

/** Where an application lives. */
export interface AppLocation {
  /** Folder that is watched and hashed; symbolic links such as `current` stay as they are. */
  readonly root: string
  /** File given by the operator, else the worker looks for one in the root. */
  readonly entry?: string
}

/** Finds the root of an application given as a file or folder. Throws {@link CliError} `APP_NOT_FOUND`. */
export function locateApp(path: string): AppLocation {
  if (!existsSync(path)) {
    const hint = didYouMean(
      basename(path),
      commands.map(({ name }) => name),
    )
    throw new CliError('APP_NOT_FOUND', { message: `there is no file or folder ${path}${hint}` })
  }
  if (statSync(path).isDirectory()) return { root: path }
  return { root: packageFolder(dirname(path)) ?? dirname(path), entry: path }
}

/** File of an application given as a file or folder. Throws {@link CliError} `APP_NOT_FOUND`. */
export function entryFile(target: string): string {
  try {
    return findEntry(target).file
  } catch (error) {
    if (!(error instanceof WorkerError)) throw error
    throw new CliError('APP_NOT_FOUND', { message: error.message }, { cause: error })
  }
}

/** The nearest folder upwards with a `package.json`: what the file imports is usually below it. */
function packageFolder(folder: string): string | undefined {
  if (existsSync(join(folder, 'package.json'))) return folder
  const parent = dirname(folder)
  return parent === folder ? undefined : packageFolder(parent)
}
