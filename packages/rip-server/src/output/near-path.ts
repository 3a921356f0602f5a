import { relative } from 'node:path'

/** A path as the operator would type it in the folder `cwd`: relative inside of it, else unchanged. */
export function nearPath(path: string, cwd: string): string {
  // Without its slash, a path from the root looks like one from somewhere else.
  const shorter = cwd === '/' ? path : relative(cwd, path)
  return shorter === '' || shorter === '..' || shorter.startsWith('../') ? path : shorter
}
