import { lstatSync, unlinkSync } from 'node:fs'

/**
 * Removes the socket file a killed process left behind, which would keep any other process from listening there. A
 * file that is no socket, or a socket on which a process answers, stays.
 */
export async function removeStaleSocket(path: string): Promise<void> {
  if (!isSocket(path) || (await answers(path))) return
  unlinkSync(path)
}

function isSocket(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isSocket() ?? false
}

/** Only a refusal proves that no process listens; whatever else happens, the socket is in use. */
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
