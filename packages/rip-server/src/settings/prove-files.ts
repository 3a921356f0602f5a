import { join } from 'node:path'
import { FileRefused, readRegularFile } from '@rip/worker/entry'
import { ServerError } from '../errors.ts'

/** Files that the runtime or the build reads itself, and would wait for. */
const READ_BY_OTHERS: readonly string[] = ['bunfig.toml', 'package.json']

/** @throws ServerError `FILE_REFUSED` for a file that is neither a regular file of a sensible size nor a folder */
export function proveFiles(folder: string): void {
  for (const name of READ_BY_OTHERS) {
    const path = join(folder, name)
    try {
      readRegularFile(path)
    } catch (error) {
      // A file that does not exist, or may not be read, is skipped by its readers, too.
      if (!(error instanceof FileRefused) || error.isFolder) continue
      throw new ServerError('FILE_REFUSED', { path, reason: error.message }, { cause: error })
    }
  }
}
