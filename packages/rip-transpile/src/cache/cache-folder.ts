import { lstatSync, mkdirSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'

/**
 * The folder compiled code is kept in, created if missing: `$XDG_CACHE_HOME/rip-server`, or a folder of this
 * user's own among the temporary files. `undefined` when the cache is off or no safe folder can be had.
 */
export function cacheFolder(env: Readonly<NodeJS.ProcessEnv> = process.env): string | undefined {
  if (env['RIP_CACHE'] === 'off') return undefined
  const parent = env['XDG_CACHE_HOME']
  const folder = parent
    ? join(parent, 'rip-server', 'compiled')
    : join(tmpdir(), `rip-server-cache-${userInfo().uid}`)
  return makePrivate(folder) ? folder : undefined
}

/** Code from this folder is run, so nobody else may be able to write there: in `/tmp` a name can be taken. */
function makePrivate(folder: string): boolean {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    const state = lstatSync(folder)
    return state.isDirectory() && state.uid === userInfo().uid && (state.mode & 0o022) === 0
  } catch {
    // A home that cannot be written to, or a file in the way: compile without a cache.
    return false
  }
}
