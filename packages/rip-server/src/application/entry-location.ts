import { type Entry, findEntry, type FindEntryOptions, WorkerError } from '@rip/worker/entry'
import { ServerError } from '../errors.ts'

/**
 * The application's file and how it was found.
 *
 * @throws ServerError `APP_NOT_FOUND`
 */
export function locateEntry(
  target: string,
  options: Pick<FindEntryOptions, 'isForeign' | 'isDevelopment'> = {},
): Entry {
  try {
    return findEntry(target, options)
  } catch (error) {
    if (!(error instanceof WorkerError)) throw error
    throw new ServerError('APP_NOT_FOUND', { message: error.message }, { cause: error })
  }
}

/** How a file was found that the operator did not name, in a few words. */
export function foundByText({ foundBy, because }: Entry): string | undefined {
  if (foundBy === 'given') return undefined
  return because ?? (foundBy === 'convention' ? 'found by its name' : '"rip.entry" in package.json')
}
