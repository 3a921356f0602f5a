import { readFileSync } from 'node:fs'
import type { Probe } from '../contract/ports.ts'

/** First pause between two attempts to connect; doubles up to {@link MAX_RETRY_MS}. */
const FIRST_RETRY_MS = 2
const MAX_RETRY_MS = 50

/** Whether somebody accepts connections on a Unix socket right now. */
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

/** The mark of a listening socket in `/proc/net/unix`, between columns that are of no interest, and its path. */
const LISTENING = /^\S+ \S+ \S+ 00010000 \S+ \S+ +\d+ (.*)$/

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

/** Waits until a worker's socket accepts a connection. */
export const probe: Probe = async (socketPath, { signal }) => {
  let pauseMs = FIRST_RETRY_MS
  signal.throwIfAborted()
  while (!(await isListening(socketPath))) {
    await Bun.sleep(pauseMs)
    signal.throwIfAborted()
    pauseMs = Math.min(pauseMs * 2, MAX_RETRY_MS)
  }
}
