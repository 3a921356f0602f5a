import type { Entry } from '../application/find-entry.ts'
import { reasonOf, WorkerError } from '../errors.ts'
import type { Settings } from './settings.ts'

/** A file of the application, with the files to serve that were found with it. */
export type Served = Pick<Entry, 'file' | 'static'>

/**
 * Takes the module of the snapshot that a supervisor names. Searches only otherwise, because that loads `node:fs` and
 * costs megabytes.
 *
 * @throws {@link WorkerError} `RIP_LOADER_FAILED`, `RIP_APP_COMMAND` and those of `findEntry`
 */
export async function findServed({ target, snapshot, static: folders }: Settings): Promise<Served> {
  // The supervisor has found both.
  if (target !== undefined && isPage(target) && folders.length > 0) return { file: target }
  if (snapshot !== undefined && target !== undefined && (await isFrozen(snapshot, target)))
    return { file: target }
  const { findEntry } = await import('../application/find-entry.ts')
  const found = findEntry(target, { snapshot })
  const { file, command, because = '' } = found
  if (command !== undefined)
    throw new WorkerError('RIP_APP_COMMAND', { folder: file, command: command.join(' '), because })
  return found
}

/** A page is no application: the files around it are served. */
export function isPage(file: string): boolean {
  return file.endsWith('.html')
}

async function isFrozen(snapshot: string, file: string): Promise<boolean> {
  try {
    const { isInSnapshot } = await import('@rip/transpile/loader')
    return isInSnapshot(snapshot, file)
  } catch (cause) {
    throw new WorkerError('RIP_LOADER_FAILED', { reason: reasonOf(cause) }, { cause })
  }
}
