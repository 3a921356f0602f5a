import { relative } from 'node:path'

/** A path as somebody in the folder `cwd` would type it: relative inside of it, else as it is. */
export function nearPath(path: string, cwd: string): string {
  const shorter = relative(cwd, path)
  return shorter === '' || shorter === '..' || shorter.startsWith('../') ? path : shorter
}
