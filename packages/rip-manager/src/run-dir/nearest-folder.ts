import { realpathSync } from 'node:fs'
import { dirname } from 'node:path'

/** The path with links resolved; of one that does not exist, the nearest folder above that does. */
export function nearestFolder(path: string): string {
  try {
    return realpathSync(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || path === dirname(path)) throw error
    return nearestFolder(dirname(path))
  }
}
