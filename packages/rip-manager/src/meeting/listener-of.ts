import { linuxLibc, SystemCallError } from '../system/libc.ts'
import { isOfOursOrRoot } from '../run-dir/owner.ts'
import { AF_UNIX, SOCK_CLOEXEC, SOCK_STREAM, unixAddress } from '../socket/socket-address.ts'

/** A process as the kernel knows it. */
export interface SocketPeer {
  readonly pid: number | undefined
  readonly uid: number | undefined
}

const SOCK_NONBLOCK = 0o4000

/**
 * Who listens on a Unix socket, by the word of the kernel (unix(7), `SO_PEERCRED`), whatever a file says; `undefined` when
 * no process does, or the system cannot be asked (anything but Linux).
 */
export function listenerOf(path: string): SocketPeer | undefined {
  const libc = linuxLibc()
  if (libc === undefined) return undefined
  const fd = libc.socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK)
  try {
    libc.connect(fd, unixAddress(path))
    return { pid: libc.peerPid(fd), uid: libc.peerUid(fd) }
  } catch (error) {
    // ENOENT, ECONNREFUSED; EAGAIN: too many others wait there.
    if (error instanceof SystemCallError) return undefined
    throw error
  } finally {
    libc.close(fd)
  }
}

/** Whether it is this process, and one of ours or of root, that listens there; true where the system cannot be asked. */
export function isListener(path: string, pid: number): boolean {
  if (linuxLibc() === undefined) return true
  const listener = listenerOf(path)
  return listener?.pid === pid && (listener.uid === undefined || isOfOursOrRoot(listener.uid))
}
