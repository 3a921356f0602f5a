import { connect } from 'node:net'
import { PROBE_EVERY_MS } from './defaults.ts'
import type { Probe } from './ports.ts'

/** Dials the socket until somebody answers. */
export const probeSocket: Probe = async (socket, { signal }) => {
  while (!(await accepts(socket))) {
    signal.throwIfAborted()
    await Bun.sleep(PROBE_EVERY_MS)
    signal.throwIfAborted()
  }
}

function accepts(path: string): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const socket = connect(path)
  socket.once('connect', () => resolve(true))
  // ENOENT: not bound yet. ECONNREFUSED: bound, not listening yet.
  socket.once('error', () => resolve(false))
  return promise.finally(() => socket.destroy())
}
