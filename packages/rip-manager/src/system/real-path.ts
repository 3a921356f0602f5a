import { realpathSync } from 'node:fs'

/** The path without symbolic links; the path itself where there is nothing, which shows when it is read. */
export function realPath(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    // ENOENT, EACCES
    return path
  }
}
