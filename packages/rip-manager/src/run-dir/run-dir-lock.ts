import { join } from 'node:path'
import { ManagerError } from '../contract/errors.ts'
import { isLock, type Lock, takeLock } from './lock.ts'
import { ensurePrivateFolder } from './private-folder.ts'

const MAX_ATTEMPTS = 10

/**
 * Makes the run directory and takes its lock. A predecessor that closes removes its empty folder, so that it may vanish between
 * our making and our locking it.
 *
 * @throws ManagerError `ALREADY_RUNNING`
 */
export function lockRunDir(path: string, mode: number): Lock {
  for (let attempt = 1; ; attempt += 1) {
    try {
      ensurePrivateFolder(path, mode)
      const result = takeLock(join(path, 'lock'))
      if (isLock(result)) return result
      throw new ManagerError('ALREADY_RUNNING', { runDir: path, pid: result.holder })
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || attempt === MAX_ATTEMPTS) throw error
    }
  }
}
