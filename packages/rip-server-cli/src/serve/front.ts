import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { AdminClient } from '@rip/balancer'
import {
  activatedListenSocket,
  type ListenAddress,
  nothingInFront,
  type Observer,
  openListenSocket,
  type RunDir,
  type Service,
  type Upstreams,
} from '@rip/manager'
import { BalancerObserver } from './balancer-observer.ts'
import { balancerService } from './balancer-service.ts'
import type { Settings } from '../config/settings.ts'
import { BalancerUpstreams } from './balancer-upstreams.ts'
import { addressUrl } from './listen-address.ts'

/** What stands between clients and workers. */
export interface Front {
  readonly upstreams: Upstreams
  /** Where figures about answers come from; absent where nobody counts them. */
  readonly observer?: Observer
  readonly services: readonly Service[]
  readonly address: ListenAddress | undefined
  /** What a person opens in a browser. */
  readonly url?: string
  readonly stopAccepting?: () => Promise<void>
}

/** Workers are reached by their sockets alone. */
export const noFront: Front = { upstreams: nothingInFront, services: [], address: undefined }

export interface FrontOptions {
  readonly listen: ListenAddress
  readonly settings: Settings
  readonly runDir: RunDir
  readonly env: Readonly<Record<string, string>>
  /** Owner of the listening socket. */
  readonly owned: AsyncDisposableStack
}

/** Opens the listening socket, or takes the one of an activated service, and puts a balancer behind it. */
export async function openFront({ listen, settings, runDir, env, owned }: FrontOptions): Promise<Front> {
  const socket = owned.use(activatedListenSocket() ?? (await openListenSocket(listen)))
  const admin = new AdminClient({ socket: runDir.adminPath })
  const { adminPath } = runDir
  const configPath = join(runDir.path, 'balancer.json')
  owned.defer(() => rmSync(configPath, { force: true }))
  const service = balancerService({ socket, listen, settings, adminPath, configPath, env, admin })
  const address = socket?.address ?? listen
  return {
    upstreams: new BalancerUpstreams([admin]),
    observer: new BalancerObserver([admin]),
    services: [service],
    address,
    url: addressUrl(address, settings.tlsCert !== undefined),
    stopAccepting: async () => {
      await admin.stopAccepting()
      // The balancer has closed its copy: without ours the system refuses instead of keeping callers waiting.
      await socket?.close()
    },
  }
}
