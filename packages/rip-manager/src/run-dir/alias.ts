import { existsSync, rmSync, symlinkSync } from 'node:fs'
import { assertSocketPathFits, MAX_SOCKET_PATH_BYTES } from '../socket/socket-address.ts'
import { type RunDirLocation, SOCKET_NAME_BYTES } from './locate.ts'
import { linkTarget } from '../system/link-target.ts'

/**
 * Folder the sockets are addressed through. A run directory elsewhere gets an entry in the user's folder of
 * instances: `ps` finds it there, and it stands in where its own path is too long for a socket.
 */
export function linkAlias({ path, alias }: RunDirLocation): string {
  if (alias !== undefined) {
    rmSync(alias, { force: true })
    symlinkSync(path, alias)
  }
  if (Buffer.byteLength(path) + SOCKET_NAME_BYTES <= MAX_SOCKET_PATH_BYTES) return path
  assertSocketPathFits(`${alias ?? path}/${'x'.repeat(SOCKET_NAME_BYTES - 1)}`)
  return alias ?? path
}

/** Removes the entry. Balancers that stay in the run directory are still addressed through it. */
export function removeAlias({ path, alias }: RunDirLocation): void {
  if (alias !== undefined && linkTarget(alias) === path && !existsSync(path)) rmSync(alias, { force: true })
}
