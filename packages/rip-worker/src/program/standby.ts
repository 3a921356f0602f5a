import { rehearse } from './rehearsal.ts'
import type { SupervisorPipe } from './supervisor-pipe.ts'

/**
 * Waits, in a process that was started ahead of need, for the rest of its environment, with everything loaded that does
 * not depend on it. Nothing is rehearsed once there is real work to do. Resolves to false when the supervisor does not need it any more.
 */
export async function standBy(pipe: SupervisorPipe | undefined): Promise<boolean> {
  await import('@rip/transpile/loader')
  // What has come by now is seen in the next turn.
  await Bun.sleep(0)
  if (pipe?.hasLine !== true) await rehearse()
  const line = await pipe?.line()
  if (line === undefined) return false
  delete process.env['RIP_STANDBY']
  Object.assign(process.env, JSON.parse(line) as Record<string, string>)
  return true
}
