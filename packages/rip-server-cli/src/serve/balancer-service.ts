import { fileURLToPath } from 'node:url'
import type { AdminClient } from '@rip/balancer'
import {
  formatListenAddress,
  type ListenAddress,
  type ListenSocket,
  type ProcessSpec,
  type Service,
} from '@rip/manager'

/** Descriptor the listening socket has in the balancer: the first after standard input, output and error. */
const INHERITED_FD = 3
/** How often a balancer that is starting is asked whether it answers. */
const READY_POLL_MS = 10

export interface BalancerServiceOptions {
  /** Listening socket to hand down; absent where the system has none to give. */
  readonly socket: ListenSocket | undefined
  /** Address the balancer binds itself without such a socket. */
  readonly listen: ListenAddress
  readonly adminPath: string
  readonly admin: AdminClient
  readonly env: Readonly<Record<string, string>>
}

/** The balancer as a process the manager supervises without understanding it. */
export function balancerService({ socket, listen, adminPath, admin, env }: BalancerServiceOptions): Service {
  const address = socket === undefined ? formatListenAddress(listen) : `fd:${INHERITED_FD}`
  const spec: ProcessSpec = {
    name: 'balancer',
    command: [
      process.execPath,
      program(),
      '--listen',
      address,
      '--admin',
      `unix:${adminPath}`,
      '--wait-for-backends',
      // A worker that stands still keeps what it has and gets hardly more, long before it is known to be stuck.
      '--policy',
      'least-requests',
    ],
    cwd: '/',
    // Its standard input is a pipe of ours: when that ends we are gone, and it leaves, too.
    env: { ...env, RIP_PARENT_FD: '0' },
    ...(socket !== undefined && { inheritFds: [socket.fd] }),
  }
  return {
    name: 'balancer',
    inFront: true,
    spec: () => spec,
    ready: ({ signal }) => untilAnswering(admin, signal),
  }
}

async function untilAnswering(admin: AdminClient, signal: AbortSignal): Promise<void> {
  while (!(await answers(admin, signal))) {
    signal.throwIfAborted()
    await Bun.sleep(READY_POLL_MS)
  }
}

async function answers(admin: AdminClient, signal: AbortSignal): Promise<boolean> {
  return admin.status(signal).then(
    () => true,
    () => false,
  )
}

function program(): string {
  return fileURLToPath(new URL('bin/rip-balancer', import.meta.resolve('@rip/balancer/package.json')))
}
