import { lstatSync, mkdirSync, realpathSync, type Stats } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

/**
 * The folder compiled code is kept in, created if missing: `$XDG_CACHE_HOME/rip-server`, or a folder of this
 * user's own among the temporary files. `undefined` when the cache is off or no safe folder can be had.
 */
export function cacheFolder(env: Readonly<NodeJS.ProcessEnv> = process.env): string | undefined {
  if (env['RIP_CACHE'] === 'off') return undefined
  const parent = env['XDG_CACHE_HOME']
  const folder = parent
    ? join(parent, 'rip-server', 'compiled')
    : join(tmpdir(), `rip-server-cache-${ownUid()}`)
  return makePrivate(folder) ? folder : undefined
}

/**
 * Makes the folder private: its code is run, so no other user may be able to write there, or to exchange the folder.
 */
function makePrivate(folder: string): boolean {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    const state = lstatSync(folder)
    if (!state.isDirectory() || state.uid !== ownUid() || isOpenToOthers(state)) return false
    return parentsOf(realpathSync(folder)).every((parent) => isSafeParent(lstatSync(parent)))
  } catch {
    // The home cannot be written to, or a file is in the way: code is compiled without a cache.
    return false
  }
}

/** Only the owner of an entry can rename it in a folder with the sticky bit, such as `/tmp` (unlink(2)). */
function isSafeParent(state: Stats): boolean {
  const isSticky = (state.mode & 0o1000) !== 0
  return isOursOrRoots(state.uid) && (isSticky || !isOpenToOthers(state))
}

/** The owner of `/` counts as root: inside a user namespace its number may differ from 0. */
function isOursOrRoots(uid: number): boolean {
  return uid === ownUid() || uid === 0 || uid === lstatSync('/').uid
}

/** Number of this user; unlike `userInfo()`, it also works for users without an entry in passwd(5). */
function ownUid(): number {
  return process.getuid?.() ?? -1
}

function isOpenToOthers({ mode }: Stats): boolean {
  return (mode & 0o022) !== 0
}

function parentsOf(path: string): readonly string[] {
  const parent = dirname(path)
  return parent === path ? [] : [parent, ...parentsOf(parent)]
}
