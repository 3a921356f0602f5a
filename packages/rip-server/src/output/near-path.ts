import { relative } from 'node:path'

/** A path as the operator would type it in the folder `cwd`: relative inside of it, else unchanged. */
export function nearPath(path: string, cwd: string): string {
  const shorter = relative(cwd, path)
  return shorter === '' || shorter === '..' || shorter.startsWith('../') ? path : shorter
}
