import type { Probe } from '../ports.ts'

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
    // ENOENT: no such path. ECONNREFUSED: left behind by a process that is gone.
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
