import { closeSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { BalancerConfig } from '@rip/balancer'
import { AdminClient } from '@rip/balancer/supervisor'
import {
  type Account,
  activatedListenSocket,
  admit,
  adoptListenSocket,
  formatListenAddress,
  LEARNED_NAME,
  type ListenAddress,
  type ListenSocket,
  type Observer,
  openListenSocket,
  type RequestsStatus,
  type RunDir,
  type ServedCertificate,
  type Service,
  type Router,
} from '@rip/manager'
import { BalancerSet } from './balancer-set.ts'
import { balancerService } from './balancer-service.ts'
import type { Mode, Settings } from '../settings/settings.ts'
import type { Inheritance } from '../instance/succession.ts'
import { LentCertificate } from './lent-certificate.ts'
import { CurrentSockets } from './current-sockets.ts'
import { allowedHosts } from './allowed-hosts.ts'
import { addressUrl } from './listen-address.ts'
import type { Traffic } from './traffic.ts'

/** The part of a server between clients and workers. */
export interface Front {
  readonly router: Router
  /** Source of figures about answers; absent when no balancer counts them. */
  readonly observer?: Observer
  /** The current counts of answers; `undefined` when no balancer counts them or one does not answer. */
  readonly traffic: () => Promise<Traffic | undefined>
  /** What balancers know of requests; `undefined` as with `traffic`. */
  readonly requests: () => Promise<RequestsStatus | undefined>
  /** The metrics of the balancers, as Prometheus text; empty without one. */
  readonly metrics: () => Promise<string>
  readonly services: readonly Service[]
  readonly address: ListenAddress | undefined
  /** Address to open in a browser. */
  readonly url?: string
  /** The socket from which a successor accepts, too; absent where the system cannot pass one on. */
  readonly socket?: ListenSocket
  /** The address that `socket` was opened with; absent when another process had opened it. */
  readonly listen?: string
  /** The predecessor, whose socket this was, has gone. */
  readonly inherit: () => void
  readonly stopAccepting: () => Promise<void>
  /** Lets a balancer that is no child of this server route, too. */
  readonly join: BalancerSet['join']
  /** The balancers that have joined. */
  readonly joined: () => BalancerSet['joined']
  /** Applies the settings in force to the balancers, too. */
  readonly configure: () => Promise<void>
}

export interface BesideOptions {
  readonly runDir: RunDir
  /** Owns what is opened. */
  readonly owned: AsyncDisposableStack
  /** Whether sockets that a service manager passes to this process are meant for the server. */
  readonly isProgram: boolean
  readonly note: (message: string) => void
  readonly warn: (message: string) => void
  /** What the predecessor passed on; absent without one. */
  readonly inherited: Inheritance | undefined
}

/**
 * A front without a balancer of this server: balancers beside it may join, and other proxies follow the links in
 * `current`.
 */
export function frontBeside({ runDir, owned, note, warn, inherited }: BesideOptions): Front {
  const balancers = new BalancerSet({ note, warn })
  return {
    router: owned.use(new CurrentSockets(balancers, runDir.path, inherited !== undefined)),
    observer: balancers,
    traffic: () => balancers.traffic(),
    requests: () => balancers.requests(),
    metrics: () => balancers.metrics(),
    join: (balancer, signal) => balancers.join(balancer, signal),
    joined: () => balancers.joined,
    services: [],
    address: undefined,
    inherit: () => {},
    configure: async () => {},
    stopAccepting: () => balancers.leave(),
  }
}

export interface FrontOptions extends BesideOptions {
  readonly listen: ListenAddress
  /** The settings in force. */
  readonly settings: () => Settings
  readonly mode: Mode
  readonly env: Readonly<Record<string, string>>
  /** What pages get in development, while the settings have `live`. @default nothing */
  readonly pageScript?: BalancerConfig['pageScript']
  /** The user the balancer runs as. @default the user of this process */
  readonly account?: Account | undefined
}

/** Opens the listening socket, or takes the one of an activated service, and puts a balancer behind it. */
export async function openFront(options: FrontOptions): Promise<Front> {
  const { listen, settings, mode, runDir, env, owned, inherited, account, note, warn, pageScript } = options
  const given =
    inheritedSocket(inherited, listen) ?? (options.isProgram ? activatedListenSocket() : undefined)
  const socket = owned.use(given ?? (await openListenSocket(listen)))
  const asked = given === undefined ? formatListenAddress(listen) : inherited?.listen
  // The access that the settings allow may have changed since the predecessor opened the socket.
  if (inherited !== undefined && 'unix' in listen && isAt(socket, listen.unix)) admit(listen)
  const admin = new AdminClient({ socket: runDir.adminPath })
  const { adminPath } = runDir
  const configName = inherited === undefined ? 'balancer.json' : `balancer-${process.pid}.json`
  const configPath = join(runDir.routerFolder, configName)
  const certificate = lentCertificate(options)
  if (certificate !== undefined) owned.use(certificate)
  owned.defer(() => rmSync(configPath, { force: true }))
  // Requests that it accepted earlier would be lost if the rest of the server does not get ready.
  const acceptWhenRouted = inherited !== undefined
  const allowHosts = (): readonly string[] | undefined => allowedHosts(settings(), mode, listen)
  const parts = { socket, listen, settings, allowHosts, adminPath, configPath, env, admin, acceptWhenRouted }
  const learnedFile = join(runDir.routerFolder, LEARNED_NAME)
  const stickyKey = (): string => runDir.secret()
  const service = balancerService({
    ...parts,
    account,
    certificate,
    stickyKey,
    learnedFile,
    ...(pageScript && { pageScript }),
  })
  const address = socket?.address ?? listen
  const balancers = new BalancerSet({ own: [admin], note, warn })
  // Messages name the original certificate, not the copy made for the balancer.
  const namedAsGiven = (each: ServedCertificate): ServedCertificate =>
    each.file === certificate?.cert ? { ...each, file: settings().tlsCert ?? each.file } : each
  return {
    router: balancers,
    observer: balancers,
    traffic: async () => {
      const traffic = await balancers.traffic()
      return traffic && { ...traffic, certificates: traffic.certificates.map(namedAsGiven) }
    },
    requests: () => balancers.requests(),
    metrics: async () => renamed(await balancers.metrics(), certificate?.cert, settings().tlsCert),
    join: (balancer, signal) => balancers.join(balancer, signal),
    joined: () => balancers.joined,
    services: [service],
    address,
    url: addressUrl(address, settings().tlsCert !== undefined),
    ...(socket !== undefined && { socket }),
    ...(asked !== undefined && { listen: asked }),
    inherit: () => {
      if (asked !== undefined) socket?.own()
    },
    configure: () => service.configure(),
    stopAccepting: async () => {
      const left = balancers.leave()
      // Connections that wait to be accepted would be reset.
      await socket?.turnAway()
      await admin.stopAccepting()
      // The balancer has closed its copy. With this one closed, too, the system refuses clients instead of letting them
      // wait.
      await socket?.close()
      await left
    },
  }
}

/** Labels, too, name the original certificate, not the copy. */
function renamed(metrics: string, copy: string | undefined, given: string | undefined): string {
  if (copy === undefined || given === undefined) return metrics
  return metrics.replaceAll(`{file=${JSON.stringify(copy)}}`, `{file=${JSON.stringify(given)}}`)
}

/** Copies for a balancer of another user, because keys belong to root. */
function lentCertificate({ settings, runDir, account }: FrontOptions): LentCertificate | undefined {
  const { tlsCert: cert, tlsKey: key } = settings()
  if (account === undefined || cert === undefined || key === undefined) return undefined
  return new LentCertificate({ cert, key }, runDir.routerFolder, account)
}

function isAt(socket: ListenSocket | undefined, path: string): boolean {
  return socket !== undefined && 'unix' in socket.address && socket.address.unix === path
}

/**
 * The predecessor's socket, unless that was opened for another address: then the predecessor keeps it. It is the
 * predecessor's own until that has gone.
 */
function inheritedSocket(
  inherited: Inheritance | undefined,
  listen: ListenAddress,
): ListenSocket | undefined {
  const fd = inherited?.listenFd
  if (inherited === undefined || fd === undefined) return undefined
  if (inherited.listen === undefined || inherited.listen === formatListenAddress(listen))
    return adoptListenSocket(fd)
  closeSync(fd)
  return undefined
}
