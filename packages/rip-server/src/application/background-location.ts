import { existsSync, realpathSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { type Entry, type FindEntryOptions, readManifest, WorkerError } from '@rip/worker/entry'
import { ServerError } from '../errors.ts'
import {
  backgroundPrograms,
  type BackgroundSetting,
  locatedBackground,
} from '../settings/background-programs.ts'
import { Unacceptable } from '../settings/quantity.ts'
import { locateEntry } from './app-location.ts'

/**
 * What works in the background: by the settings, else by `rip.background` of the application's `package.json`.
 *
 * @param isForeign whether the application runs as a user with fewer rights
 * @throws ServerError `APP_NOT_FOUND`
 */
export function backgroundOf(
  given: readonly BackgroundSetting[],
  root: string,
  isForeign: boolean,
): readonly BackgroundSetting[] {
  const programs = given.length > 0 ? given : locatedBackground(inPackage(root, isForeign), root)
  for (const file of filesOf(programs)) {
    if (statSync(file, { throwIfNoEntry: false })?.isFile() === true) continue
    throw new ServerError('APP_NOT_FOUND', { message: `there is no file ${file} to work in the background` })
  }
  return programs
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
  const { background } = ripOf(path, staysInFolder)
  if (background === undefined || (Array.isArray(background) && background.length === 0)) return []
  try {
    return backgroundPrograms(JSON.stringify(background))
  } catch (error) {
    if (!(error instanceof Unacceptable)) throw error
    const message = `${path}: "rip.background": expected ${error.message}, got ${JSON.stringify(background)}`
    throw new ServerError('APP_NOT_FOUND', { message })
  }
}

function ripOf(path: string, staysInFolder: boolean): Readonly<Record<string, unknown>> {
  try {
    const { rip } = readManifest(path, { staysInFolder })
    return typeof rip === 'object' && rip !== null ? (rip as Readonly<Record<string, unknown>>) : {}
  } catch (error) {
    if (!(error instanceof WorkerError)) throw error
    throw new ServerError('APP_NOT_FOUND', { message: error.message }, { cause: error })
  }
}
