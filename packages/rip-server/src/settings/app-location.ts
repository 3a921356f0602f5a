import { existsSync, statSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { ServerError } from '../errors.ts'

/** Where an application lives. */
export interface AppLocation {
  /** Folder that is watched and hashed; symbolic links such as `current` stay as they are. */
  readonly root: string
  /** File given by the operator, else the worker looks for one in the root. */
  readonly entry?: string
}

/**
 * Finds the root of an application given as a file or folder.
 *
 * @param home the user's folder, which is no package even with a `package.json` in it
 * @throws ServerError `APP_NOT_FOUND`
 */
export function locateApp(path: string, home: string | undefined = homeFolder()): AppLocation {
  if (!existsSync(path)) {
    throw new ServerError('APP_NOT_FOUND', { message: `there is no file or folder ${path}` })
  }
  if (statSync(path).isDirectory()) return { root: path }
  return { root: packageFolder(dirname(path), home) ?? dirname(path), entry: path }
}

/** Mode bit of a folder that every user may write to, such as `/tmp`; see stat(2). */
const WRITABLE_BY_OTHERS = 0o002

/**
 * The nearest folder upwards with a `package.json`: what the file imports is usually below it. The search ends at a
 * home folder or a folder that every user may write to: a `package.json` there was left by accident, and the files
 * beside it are not the application.
 */
function packageFolder(folder: string, home: string | undefined): string | undefined {
  const parent = dirname(folder)
  if (folder === home || parent === folder || isShared(folder)) return undefined
  return existsSync(join(folder, 'package.json')) ? folder : packageFolder(parent, home)
}

/** A user of a container may have neither `HOME` nor an entry in passwd(5). */
function homeFolder(): string | undefined {
  try {
    return homedir()
  } catch {
    // ENOENT
    return undefined
  }
}

const isShared = (folder: string): boolean => (statSync(folder).mode & WRITABLE_BY_OTHERS) !== 0
