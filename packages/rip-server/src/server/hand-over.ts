import type { HandOverResult } from '@rip/manager'
import { ServerError } from '../errors.ts'
import { proveCertificate } from '../front/certificate.ts'
import { startSuccessor, type SuccessionOptions } from '../instance/succession.ts'
import type { Ops } from '../ops/open-ops.ts'
import type { ServerParts } from './server-parts.ts'
import type { ServerPlan } from './server-plan.ts'

/** Boot timeouts that a successor may take: for a candidate, for the other workers, and for the balancer. */
const HAND_OVER_PATIENCE = 3

/**
 * Starts a successor and gives it what is this server's. Nothing has changed unless the result is `ok`; then this server has
 * to close.
 *
 * @param stopped aborts a successor that does not serve yet
 */
export async function handOver(parts: ServerParts, stopped: AbortSignal): Promise<HandOverResult> {
  const { manager, runDir, front, log, plan, systemd, ops } = parts
  // The successor would serve what is on disk.
  if (manager.status.held) return { ok: false, message: 'reloads are on hold; resume them first' }
  const problem = await configurationProblem(plan, stopped)
  if (problem !== undefined) return { ok: false, message: problem }
  const timeoutMs = HAND_OVER_PATIENCE * plan.settings.bootTimeoutMs
  const result = await startSuccessor({
    runDir,
    sockets: front.sockets,
    listen: front.listen,
    ops: passedOn(ops),
    env: plan.env,
    cwd: plan.cwd,
    workers: manager.status.wantedWorkers,
    signal: AbortSignal.any([stopped, AbortSignal.timeout(timeoutMs)]),
  })
  if (!result.ok) return result
  for (const socket of front.sockets) socket.disown()
  ops?.listener?.handOver()
  log.disown()
  systemd?.handOver(result.pid)
  return result
}

/** Checked before, because a successor would end with it, and only the output of the server would tell why. */
async function configurationProblem(
  { rereading }: ServerPlan,
  signal: AbortSignal,
): Promise<string | undefined> {
  try {
    const read = await rereading?.read(signal)
    if (read !== undefined) proveCertificate(read.settings)
    return undefined
  } catch (error) {
    if (error instanceof ServerError) return error.message
    throw error
  }
}

function passedOn(ops: Ops | undefined): SuccessionOptions['ops'] {
  if (ops?.socket === undefined) return undefined
  return { fd: ops.socket.fd, asked: ops.asked }
}
