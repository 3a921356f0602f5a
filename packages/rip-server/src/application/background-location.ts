import { existsSync, realpathSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { type Entry, type FindEntryOptions, WorkerError } from '@rip/worker/entry'
import { ServerError } from '../errors.ts'
import {
  backgroundPrograms,
  type BackgroundSetting,
  locatedBackground,
} from '../settings/background-programs.ts'
import { Unacceptable } from '../settings/quantity.ts'
import { ripFields } from '../settings/rip-fields.ts'
import { locateEntry } from './app-location.ts'

/**
 * What works in the background: by the settings, else by `rip.background` of the application's `package.json`.
 *
 * @param isForeign whether the application runs as a user with fewer rights
 * @throws ServerError `APP_NOT_FOUND` when a file is not there, `CONFIG_INVALID` when `package.json` is wrong
 */
export function backgroundOf(
  given: readonly BackgroundSetting[],
  root: string,
  isForeign: boolean,
): readonly BackgroundSetting[] {
  const programs = given.length > 0 ? given : locatedBackground(inPackage(root, isForeign), root)
  const missing = missingFile(programs)
  if (missing === undefined) return programs
  throw new ServerError('APP_NOT_FOUND', { message: `there is no file ${missing} to work in the background` })
}

/**
 * Checks, before code is built, the files that were given when the server was started.
 *
 * @throws ServerError `APP_NOT_FOUND`
 */
export function proveBackground(programs: readonly BackgroundSetting[]): void {
  const missing = missingFile(programs)
  if (missing === undefined) return
  const message =
    `there is no file ${missing} to work in the background any more; put it back, or name another file: ` +
    'what works in the background is decided at the start, and again by "rip-server restart --manager"'
  throw new ServerError('APP_NOT_FOUND', { message })
}

function missingFile(programs: readonly BackgroundSetting[]): string | undefined {
  return filesOf(programs).find((file) => statSync(file, { throwIfNoEntry: false })?.isFile() !== true)
}

/** Modules among the programs. */
export function filesOf(programs: readonly BackgroundSetting[]): readonly string[] {
  return programs.flatMap((each) => ('file' in each ? [each.file] : []))
}

/**
 * The file that answers requests; `undefined` in a folder where none is found but something works in the background.
 *
 * @throws ServerError `APP_NOT_FOUND`
 */
export function locateWebEntry(
  target: string,
  background: readonly BackgroundSetting[],
  options: FindEntryOptions,
): Entry | undefined {
  try {
    const found = locateEntry(target, options)
    const others = filesOf(background).map((file) => realpathSync(file))
    return others.includes(realpathSync(found.runs ?? found.file)) ? undefined : found
  } catch (error) {
    if (background.length > 0 && isNotFound(error)) return undefined
    throw error
  }
}

/** No file was found, as opposed to one that is named and does not exist. */
function isNotFound(error: unknown): boolean {
  const cause = error instanceof ServerError ? error.cause : undefined
  return cause instanceof WorkerError && cause.code === 'RIP_APP_NOT_FOUND'
}

function inPackage(root: string, staysInFolder: boolean): readonly BackgroundSetting[] {
  const path = join(root, 'package.json')
  if (!existsSync(path)) return []
  const { background } = ripFields(path, staysInFolder)
  if (background === undefined || (Array.isArray(background) && background.length === 0)) return []
  try {
    return backgroundPrograms(JSON.stringify(background))
  } catch (error) {
    if (!(error instanceof Unacceptable)) throw error
    const problem = `${path}: "rip.background": expected ${error.message}, got ${JSON.stringify(background)}`
    throw new ServerError('CONFIG_INVALID', { problems: [problem] })
  }
}
