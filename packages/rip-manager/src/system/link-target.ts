import { readlinkSync } from 'node:fs'

/** Where a link leads, as it is written in it; undefined when there is no link. */
export function linkTarget(path: string): string | undefined {
  try {
    return readlinkSync(path)
  } catch {
    // ENOENT: it was removed meanwhile. EINVAL: something else is in its place.
    return undefined
  }
}
