import { readFileSync, rmSync } from 'node:fs'

/** The mark of a listening socket in `/proc/net/unix`, between columns that are of no interest, and its path. */
const LISTENING = /^\S+ \S+ \S+ 00010000 \S+ \S+ +\d+ (.*)$/

/** Whether a process accepts connections on a Unix socket right now. */
export async function isListening(socketPath: string): Promise<boolean> {
  try {
    const connection = await Bun.connect({ unix: socketPath, socket: { data() {} } })
    connection.terminate()
    return true
  } catch {
    // ENOENT: no such path. ECONNREFUSED: left behind by a process that is gone, or more wait than may.
    return isBound(socketPath)
  }
}

/** The runtime says ECONNREFUSED for the kernel's EAGAIN as well (Bun 1.4.5), so the kernel is asked who listens. */
function isBound(socketPath: string): boolean {
  try {
    const lines = readFileSync('/proc/net/unix', 'utf8').split('\n')
    return lines.some((line) => LISTENING.exec(line)?.[1] === socketPath)
  } catch {
    // Not Linux.
    return false
  }
}

/**
 * Removes what a process that is gone has left at the path of its socket.
 *
 * @param address the same path as processes connect to it, which may lead through a link. @default the path
 */
export async function removeStaleSocket(path: string, address: string = path): Promise<void> {
  if (!(await isListening(address))) rmSync(path, { force: true })
}
