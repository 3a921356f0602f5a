import { rehearse } from './rehearsal.ts'
import type { SupervisorPipe } from './supervisor-pipe.ts'

/**
 * Waits, in a process that was started ahead of need, for the rest of its environment, with everything loaded that does
 * not depend on it. Resolves to false when the supervisor does not need it any more.
 */
export async function standBy(pipe: SupervisorPipe | undefined): Promise<boolean> {
  await import('@rip/transpile/loader')
  await rehearse()
  const line = await pipe?.line()
  if (line === undefined) return false
  delete process.env['RIP_STANDBY']
  Object.assign(process.env, JSON.parse(line) as Record<string, string>)
  return true
}
