import type { BusPlace } from '@rip/worker/protocol'
import type { Instance } from './instance.ts'
import type { Environment, InstanceIdentity } from './locate.ts'
import type { Tenants } from './tenants.ts'

/** The private folder of one running instance: its lock, its sockets, its state. */
export interface RunDir extends AsyncDisposable {
  readonly path: string
  /** Where operators' commands arrive. */
  readonly controlPath: string
  /** Where workers report. */
  readonly linksPath: string
  /** Where the balancer takes orders. */
  readonly adminPath: string
  /** Folder of what the balancer owns; the run directory itself when it runs as the user who opened that. */
  readonly routerFolder: string
  /** A secret that the balancers beside this instance know, too; it lasts as long as this instance or one of them. */
  secret(): string
  /** A fresh name that cannot be guessed, for one incarnation of a worker; never given twice. */
  socketPath(slot: number, incarnation: number): string
  /**
   * The worker listens: from now on only the router gets to the socket by name. Idempotent; does nothing without tenants.
   *
   * @throws ManagerError `SOCKET_UNSAFE`
   */
  handOnSocket(path: string): void
  /** The worker has gone: removes what is left of its sockets. Idempotent. */
  dropSocket(path: string): void
  /** Where workers meet; makes the folder again if it was removed. */
  busPlace(): BusPlace
  /** Removes what a worker that has ended left there. */
  leftBus(pid: number): void
  /** Whether a socket is where it was made; makes the folder again if it was removed. */
  hasSocket(path: string): boolean
  /** Publishes what `status` and `ps` of other processes find. */
  publish(state: PublishedState): void
  /**
   * Lets another process of the same instance have the folder: the lock is free, and nothing is removed or made
   * again from here on.
   */
  handOver(): void
  /** Ends `handOver` when no successor came. @throws ManagerError `ALREADY_RUNNING` */
  takeBack(): void
  /** Takes over the names of the predecessor's sockets, such as `admin.sock`, once it has gone. */
  inheritNames(): void
  /** Removes everything it created. Idempotent. */
  close(): Promise<void>
}

export interface RunDirOptions extends InstanceIdentity {
  /** @default process.env */
  readonly env?: Environment
  /** Another process of the same instance is still there: its sockets keep their names. @default false */
  readonly succeeds?: boolean
  /** Other users who use it, which takes root. @default none */
  readonly tenants?: Tenants
  /** Takes one sentence when a folder that was removed cannot be made again as it was. @default nobody is told */
  readonly onWarning?: (message: string) => void
}

/** What other processes are told of an instance. */
export type PublishedState = Omit<Instance, 'runDir' | 'control' | 'pid'>
