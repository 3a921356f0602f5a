import type { Sandbox, Server } from '../server.ts'

/** Requests that all workers of a server are answering. */
export async function inFlight(sandbox: Sandbox, server: Server): Promise<number> {
  const { workers } = await sandbox.snapshot(server)
  return workers.reduce((sum, worker) => sum + worker.inFlight, 0)
}
