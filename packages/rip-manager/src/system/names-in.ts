import { readdirSync } from 'node:fs'

/** Names of what is in a folder; none in one that is not there, or that this user may not read. */
export function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
  } catch {
    // ENOENT: it was never there, was removed meanwhile, or the system has no /proc. EACCES: it is another user's.
    return []
  }
}
