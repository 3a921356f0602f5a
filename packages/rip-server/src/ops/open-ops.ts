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
  /** The address it was asked for. */
  readonly asked?: string
  /** The predecessor, whose socket this was, has gone: a path that nobody listens on any more is removed. */
  readonly inherit: () => void
}

/** Opens the listener, or takes the predecessor's socket; it answers when it is told to accept. @throws what `openListenSocket` throws */
export async function openOps(options: OpsOptions): Promise<Ops> {
  const { address, inherited, owned, present, status, metrics, balancers } = options
  const passed = passedSocket(inherited)
  const isSame = address !== undefined && inherited?.ops === formatListenAddress(address)
  const [given, former] = isSame ? [passed] : [undefined, passed]
  if (address === undefined) return { inherit: () => dropFormer(former) }
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
    given?.own()
    dropFormer(former)
  }
  return { listener, socket, asked: formatListenAddress(address), inherit }
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
