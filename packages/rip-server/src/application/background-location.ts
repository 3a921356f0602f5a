import { realpathSync, statSync } from 'node:fs'
import { type Entry, type FindEntryOptions, WorkerError } from '@rip/worker/entry'
import { ServerError } from '../errors.ts'
import type { BackgroundSetting } from '../settings/background-programs.ts'
import { locateEntry } from './entry-location.ts'

/**
 * Checks the files of programs before anything is started.
 *
 * @throws ServerError `APP_NOT_FOUND`
 */
export function proveBackground(programs: readonly BackgroundSetting[]): void {
  const missing = missingFile(programs)
  if (missing === undefined) return
  throw new ServerError('APP_NOT_FOUND', { message: `there is no file ${missing} to work in the background` })
}

/**
 * Checks, before code is built, the files that were given when the server was started.
 *
 * @throws ServerError `APP_NOT_FOUND`
 */
export function proveStartedBackground(programs: readonly BackgroundSetting[]): void {
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
