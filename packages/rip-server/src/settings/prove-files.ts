import { join } from 'node:path'
import { FileRefused, readRegularFile } from '@rip/worker/entry'
import { ServerError } from '../errors.ts'

/** Files the runtime, or the build, reads on its own, and would wait for. */
const READ_BY_OTHERS: readonly string[] = ['bunfig.toml', 'package.json']

/** Throws {@link ServerError} `FILE_REFUSED` for one that is neither a regular file of a sensible size nor a folder. */
export function proveFiles(folder: string): void {
  for (const name of READ_BY_OTHERS) {
    const path = join(folder, name)
    try {
      readRegularFile(path)
    } catch (error) {
      // What is not there, or not for us to read, is nothing to wait for.
      if (!(error instanceof FileRefused) || error.isFolder) continue
      throw new ServerError('FILE_REFUSED', { path, reason: error.message }, { cause: error })
    }
  }
}
