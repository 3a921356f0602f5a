import { statSync } from 'node:fs'

/**
 * The current folder by the path that the operator used: a link such as `current` stays a link when `PWD` names it, as
 * in shells (POSIX `cd -L`), so that a later release behind it is found. `/` when the folder is gone.
 */
export function workingFolder(env: Readonly<Record<string, string | undefined>>): string {
  const named = env['PWD']
  try {
    return named?.startsWith('/') === true && isHere(named) ? named : process.cwd()
  } catch {
    // ENOENT
    return '/'
  }
}

/** Whether the current folder was deleted; paths relative to it mean nothing. */
export function isCurrentFolderGone(): boolean {
  try {
    process.cwd()
    return false
  } catch {
    // ENOENT
    return true
  }
}

function isHere(path: string): boolean {
  const there = statSync(path, { throwIfNoEntry: false })
  const here = statSync('.')
  return there?.ino === here.ino && there.dev === here.dev
}
