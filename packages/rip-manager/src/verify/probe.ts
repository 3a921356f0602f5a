import type { Probe } from '../contract/ports.ts'
import { isListening } from '../socket/listening.ts'

/** First pause between two attempts to connect; doubles up to {@link MAX_RETRY_MS}. */
const FIRST_RETRY_MS = 2
const MAX_RETRY_MS = 50

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
