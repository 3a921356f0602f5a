import { lstatSync, unlinkSync } from 'node:fs'

/**
 * Removes the socket file a killed process left behind, which would keep everybody else from listening there. A
 * file that is no socket, or a socket somebody answers on, stays.
 */
export async function removeStaleSocket(path: string): Promise<void> {
  if (!isSocket(path) || (await answers(path))) return
  unlinkSync(path)
}

function isSocket(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isSocket() ?? false
}

/** Only a refusal proves that nobody listens; whatever else happens, the socket is somebody's. */
function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    // A module that takes ten milliseconds to load; hardly any start finds a socket.
    const socket = process.getBuiltinModule('node:net').connect(path)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code !== 'ECONNREFUSED'))
  })
}
