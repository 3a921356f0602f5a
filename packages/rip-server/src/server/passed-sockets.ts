import { activatedListenSockets, formatListenAddress, type ListenSocket, ManagerError } from '@rip/manager'
import type { ServerPlan } from './server-plan.ts'

/** Name of the socket of systemd that is for probes, and not for clients of the application. */
const OPS_SOCKET = 'ops'

export interface PassedSockets {
  readonly forClients: readonly ListenSocket[]
  readonly forOps: ListenSocket | undefined
}

/** The sockets that systemd has passed to the program. @throws ManagerError `LISTEN_FAILED` */
export function passedSockets({ isProgram, entry, listen, warn }: ServerPlan): PassedSockets {
  const passed = isProgram ? activatedListenSockets() : []
  const named = (isOps: boolean): ListenSocket[] =>
    passed.filter(({ name }) => (name === OPS_SOCKET) === isOps).map(({ socket }) => socket)
  const [forClients, [forOps, ...more]] = [named(false), named(true)]
  if (more.length > 0) {
    const reason = 'there is one socket for probes; give the other one another FileDescriptorName'
    throw new ManagerError('LISTEN_FAILED', {
      address: `several sockets from systemd named "${OPS_SOCKET}"`,
      reason,
    })
  }
  if (forClients.length > 0 && (entry === undefined || listen === undefined))
    warn(
      `nothing is served on the socket from systemd at ${forClients.map(({ address }) => formatListenAddress(address)).join(', ')}: this process has no balancer`,
    )
  return { forClients, forOps }
}
