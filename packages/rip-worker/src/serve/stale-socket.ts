import type { ListenAddress } from './transport.ts'

/**
 * Listens; if a socket that a killed process left behind is in the way, removes it and listens again. Does not look
 * before, because most names are free, and `node:fs` costs milliseconds and megabytes.
 */
export async function replacingStaleSocket<T>(address: ListenAddress, listen: () => T): Promise<Awaited<T>> {
  try {
    return await listen()
  } catch (error) {
    if (!(await removeStaleSocket(address))) throw error
    return await listen()
  }
}

/**
 * Removes a socket that a killed process left behind, and tells whether it did. A socket on which a process listens,
 * and a file that is no socket, stay.
 */
async function removeStaleSocket(address: ListenAddress): Promise<boolean> {
  if (!('unix' in address)) return false
  const { lstatSync, rmSync } = await import('node:fs')
  if (lstatSync(address.unix, { throwIfNoEntry: false })?.isSocket() !== true) return false
  if (await isAnswered(address.unix)) return false
  rmSync(address.unix, { force: true })
  return true
}

async function isAnswered(path: string): Promise<boolean> {
  try {
    const connection = await Bun.connect({ unix: path, socket: { data() {} } })
    connection.terminate()
    return true
  } catch (error) {
    // Only ECONNREFUSED proves that no process listens; a full backlog or missing rights do not.
    return !(error instanceof Error && 'code' in error && error.code === 'ECONNREFUSED')
  }
}
