import { chmodSync, chownSync } from 'node:fs'
import { DEFAULT_SOCKET_MODE, type UnixAddress } from '../address/unix-address.ts'

/** Only the owner may connect, until the socket has the owner and the mode it is to have. */
const CLOSED_UMASK = 0o177

/** Runs what creates a socket, so that no other user can connect to it yet. */
export function createClosed<T>(create: () => T): T {
  const before = process.umask(CLOSED_UMASK)
  try {
    return create()
  } finally {
    process.umask(before)
  }
}

/** Sets the permissions of a Unix socket. @throws the error of the system, as when we are not in the group */
export function openAccess({ path, mode = DEFAULT_SOCKET_MODE, gid }: UnixAddress): void {
  if (gid !== undefined) chownSync(path, process.getuid?.() ?? -1, gid)
  chmodSync(path, mode)
}
