import { closeSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { AdminClient } from '@rip/balancer/supervisor'
import {
  type Account,
  activatedListenSocket,
  admit,
  adoptListenSocket,
  formatListenAddress,
  type ListenAddress,
  type ListenSocket,
  type Observer,
  openListenSocket,
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

/** What stands between clients and workers. */
export interface Front {
  readonly router: Router
  /** Where figures about answers come from; absent where nobody counts them. */
  readonly observer?: Observer
  /** What is known about answers at the moment; `undefined` when nobody counts them, or does not say. */
  readonly traffic: () => Promise<Traffic | undefined>
  readonly services: readonly Service[]
  readonly address: ListenAddress | undefined
  /** What a person opens in a browser. */
  readonly url?: string
  /** The socket a successor accepts from; absent where the system has none to give. */
  readonly socket?: ListenSocket
  /** Address that socket was asked for; absent when somebody else had opened it. */
  readonly listen?: string
  readonly stopAccepting: () => Promise<void>
  /** Lets a balancer that is no child of this server route, too. */
  readonly join: BalancerSet['join']
  /** Those that do. */
  readonly joined: () => BalancerSet['joined']
  /** Puts the settings in force there, too. */
  readonly configure: () => Promise<void>
}

export interface BesideOptions {
  readonly runDir: RunDir
  /** Owner of what is made. */
  readonly owned: AsyncDisposableStack
  /** What a service manager passes to this process is meant for the server. */
  readonly isProgram: boolean
  readonly note: (message: string) => void
  readonly warn: (message: string) => void
  /** What the server before gave away; absent when there was none. */
  readonly inherited: Inheritance | undefined
}

/** Nothing of this server: balancers beside it may join, and other proxies follow the links in `current`. */
export function frontBeside({ runDir, owned, note, warn, inherited }: BesideOptions): Front {
  const balancers = new BalancerSet({ note, warn })
  return {
    router: owned.use(new CurrentSockets(balancers, runDir.path, inherited !== undefined)),
    observer: balancers,
    traffic: () => balancers.traffic(),
    join: (balancer, signal) => balancers.join(balancer, signal),
    joined: () => balancers.joined,
    services: [],
    address: undefined,
    configure: async () => {},
    stopAccepting: () => balancers.leave(),
  }
}

export interface FrontOptions extends BesideOptions {
  readonly listen: ListenAddress
  /** In force. */
  readonly settings: () => Settings
  readonly mode: Mode
  readonly env: Readonly<Record<string, string>>
  /** Whom the balancer runs as. @default whoever starts it */
  readonly account?: Account | undefined
}

/** Opens the listening socket, or takes the one of an activated service, and puts a balancer behind it. */
export async function openFront(options: FrontOptions): Promise<Front> {
  const { listen, settings, mode, runDir, env, owned, inherited, account, note, warn } = options
  const given =
    inheritedSocket(inherited, listen) ?? (options.isProgram ? activatedListenSocket() : undefined)
  const socket = owned.use(given ?? (await openListenSocket(listen)))
  const asked = given === undefined ? formatListenAddress(listen) : inherited?.listen
  // Who may connect can have become somebody else since the server before made the socket.
  if (inherited !== undefined && 'unix' in listen && isAt(socket, listen.unix)) admit(listen)
  const admin = new AdminClient({ socket: runDir.adminPath })
  const { adminPath } = runDir
  const configName = inherited === undefined ? 'balancer.json' : `balancer-${process.pid}.json`
  const configPath = join(runDir.routerFolder, configName)
  const certificate = lentCertificate(options)
  if (certificate !== undefined) owned.use(certificate)
  owned.defer(() => rmSync(configPath, { force: true }))
  // What it accepted would be lost if the rest of the server does not get ready.
  const acceptWhenRouted = inherited !== undefined
  const allowHosts = (): readonly string[] | undefined => allowedHosts(settings(), mode, listen)
  const parts = { socket, listen, settings, allowHosts, adminPath, configPath, env, admin, acceptWhenRouted }
  const service = balancerService({ ...parts, account, certificate })
  const address = socket?.address ?? listen
  const balancers = new BalancerSet({ own: [admin], note, warn })
  // The copy that was lent has the name of what it is a copy of.
  const namedAsGiven = (each: ServedCertificate): ServedCertificate =>
    each.file === certificate?.cert ? { ...each, file: settings().tlsCert ?? each.file } : each
  return {
    router: balancers,
    observer: balancers,
    traffic: async () => {
      const traffic = await balancers.traffic()
      return traffic && { ...traffic, certificates: traffic.certificates.map(namedAsGiven) }
    },
    join: (balancer, signal) => balancers.join(balancer, signal),
    joined: () => balancers.joined,
    services: [service],
    address,
    url: addressUrl(address, settings().tlsCert !== undefined),
    ...(socket !== undefined && { socket }),
    ...(asked !== undefined && { listen: asked }),
    configure: () => service.configure(),
    stopAccepting: async () => {
      const left = balancers.leave()
      await admin.stopAccepting()
      // The balancer has closed its copy: without ours the system refuses instead of keeping callers waiting.
      await socket?.close()
      await left
    },
  }
}

/** Keys are root's: a balancer of another user gets copies. */
function lentCertificate({ settings, runDir, account }: FrontOptions): LentCertificate | undefined {
  const { tlsCert: cert, tlsKey: key } = settings()
  if (account === undefined || cert === undefined || key === undefined) return undefined
  return new LentCertificate({ cert, key }, runDir.routerFolder, account)
}

function isAt(socket: ListenSocket | undefined, path: string): boolean {
  return socket !== undefined && 'unix' in socket.address && socket.address.unix === path
}

/** The socket of the server before, unless that was asked to listen elsewhere: then it is left to that one. */
function inheritedSocket(
  inherited: Inheritance | undefined,
  listen: ListenAddress,
): ListenSocket | undefined {
  const fd = inherited?.listenFd
  if (inherited === undefined || fd === undefined) return undefined
  if (inherited.listen === undefined || inherited.listen === formatListenAddress(listen))
    return adoptListenSocket(fd, { withPath: true })
  closeSync(fd)
  return undefined
}
