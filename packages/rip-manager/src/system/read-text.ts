import { readFileSync } from 'node:fs'

/** Content of a file, or `undefined` when it cannot be read. */
export function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    // ENOENT or EACCES: not on this system, not for us, or gone.
    return undefined
  }
}
