import {
  adoptListenSocket,
  formatListenAddress,
  type ListenAddress,
  type ListenSocket,
  type ManagerMetrics,
  type ManagerStatus,
  openListenSocket,
} from '@rip/manager'
import type { Inheritance } from '../instance/succession.ts'
import { LoopLag } from './loop-lag.ts'
import { OpsListener } from './ops-listener.ts'

export interface OpsOptions {
  /** Where it listens; absent where it does not. */
  readonly address: ListenAddress | undefined
  readonly inherited: Inheritance | undefined
  /** A listening socket that a service manager has passed for it, which wins over `address`. */
  readonly passed?: ListenSocket | undefined
  /** Owns what is opened. */
  readonly owned: AsyncDisposableStack
  /** The manager's status, at once. */
  readonly present: () => ManagerStatus
  /** The same with what balancers count, which may take a moment. */
  readonly status: () => Promise<ManagerStatus>
  readonly metrics: ManagerMetrics
  /** Metrics of the balancers, as Prometheus text. */
  readonly balancers: () => Promise<string>
}

/** The listener for probes, with what a successor needs of it. */
export interface Ops {
  readonly listener?: OpsListener
  /** Absent where the system cannot pass a socket on. */
  readonly socket?: ListenSocket | undefined
  /** The address it was asked for; absent when another process had opened the socket. */
  readonly asked?: string | undefined
  /** The predecessor, whose socket this was, has gone: a path on which no process listens any more is removed. */
  readonly inherit: () => void
}

/** Opens the listener, or takes the predecessor's socket; it answers when it is told to accept. @throws what `openListenSocket` throws */
export async function openOps(options: OpsOptions): Promise<Ops> {
  const { inherited, owned, present, status, metrics, balancers } = options
  const wanted = options.address && formatListenAddress(options.address)
  const fromBefore = passedSocket(inherited)
  // Opened by neither of the two, or for the address that this one is to have.
  const isSame = inherited?.ops === undefined || inherited.ops === wanted
  const [kept, former] = isSame ? [fromBefore] : [undefined, fromBefore]
  const given = kept ?? options.passed
  const address = given?.address ?? options.address
  if (address === undefined) return { inherit: () => dropFormer(former) }
  const asked = given === undefined ? wanted : inherited?.ops
  const socket = owned.use(given ?? (await openListenSocket(address)))
  const lag = owned.use(new LoopLag())
  const listener = owned.use(
    new OpsListener({
      socket,
      address,
      unreadiness: () => metrics.unreadiness(present()),
      metrics: async () => {
        const [counted, now] = await Promise.all([balancers(), status()])
        // Each of them ends with the end of its last line.
        return [counted, metrics.render(now), lag.render()].join('')
      },
    }),
  )
  const inherit = (): void => {
    if (asked !== undefined) given?.own()
    dropFormer(former)
  }
  return { listener, socket, asked, inherit }
}

/** The predecessor's socket, whose path is its own until it has gone. */
function passedSocket(inherited: Inheritance | undefined): ListenSocket | undefined {
  const fd = inherited?.opsFd
  return fd === undefined ? undefined : adoptListenSocket(fd)
}

function dropFormer(former: ListenSocket | undefined): void {
  former?.own()
  void former?.close()
}
