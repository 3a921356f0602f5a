import { closeSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { BalancerConfig } from '@rip/balancer'
import { AdminClient } from '@rip/balancer/supervisor'
import {
  type Account,
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
  /** The other addresses, when another process opened several sockets, for people as `url` is. */
  readonly otherUrls: readonly string[]
  /** The sockets from which a successor accepts, too; none where the system cannot pass one on. */
  readonly sockets: readonly ListenSocket[]
  /** The address that the socket was opened with; absent when another process had opened them. */
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
    otherUrls: [],
    sockets: [],
    inherit: () => {},
    configure: async () => {},
    stopAccepting: () => balancers.leave(),
  }
}

export interface FrontOptions extends BesideOptions {
  readonly listen: ListenAddress
  /** Listening sockets that a service manager has passed, which win over `listen`. */
  readonly passed: readonly ListenSocket[]
  /** The settings in force. */
  readonly settings: () => Settings
  readonly mode: Mode
  readonly env: Readonly<Record<string, string>>
  /** What pages get in development, while the settings have `live`. @default nothing */
  readonly pageScript?: BalancerConfig['pageScript']
  /** The user the balancer runs as. @default the user of this process */
  readonly account?: Account | undefined
}

/** Opens the listening socket, or takes those of an activated service, and puts a balancer behind it. */
export async function openFront(options: FrontOptions): Promise<Front> {
  const { listen, settings, mode, runDir, env, owned, inherited, account, note, warn, pageScript } = options
  const given = [...inheritedSockets(inherited, listen), ...options.passed]
  const sockets = given.length > 0 ? given : [(await openListenSocket(listen)) ?? []].flat()
  for (const socket of sockets) owned.use(socket)
  const asked = given.length === 0 ? formatListenAddress(listen) : inherited?.listen
  // The access that the settings allow may have changed since the predecessor opened the socket.
  if (inherited !== undefined && 'unix' in listen && isAt(sockets, listen.unix)) admit(listen)
  const admin = new AdminClient({ socket: runDir.adminPath })
  const { adminPath } = runDir
  const configName = inherited === undefined ? 'balancer.json' : `balancer-${process.pid}.json`
  const configPath = join(runDir.routerFolder, configName)
  const certificate = lentCertificate(options)
  if (certificate !== undefined) owned.use(certificate)
  owned.defer(() => rmSync(configPath, { force: true }))
  // Of this process: a successor is started with the files as they are then.
  const keptCertificate = join(runDir.routerFolder, `certificate-${process.pid}.json`)
  owned.defer(() => rmSync(keptCertificate, { force: true }))
  // Requests that it accepted earlier would be lost if the rest of the server does not get ready.
  const acceptWhenRouted = inherited !== undefined
  const allowHosts = (): readonly string[] | undefined => allowedHosts(settings(), mode, listen)
  const parts = { sockets, listen, settings, allowHosts, adminPath, configPath, env, admin, acceptWhenRouted }
  const learnedFile = join(runDir.routerFolder, LEARNED_NAME)
  const stickyKey = (): string => runDir.secret()
  const service = balancerService({
    ...parts,
    account,
    certificate,
    keptCertificate,
    stickyKey,
    learnedFile,
    ...(pageScript && { pageScript }),
  })
  const [address = listen, ...others] = publicFirst(sockets)
  const isSecure = settings().tlsCert !== undefined
  const balancers = new BalancerSet({ own: [admin], note, warn })
  // Messages name the original certificate, not the copy made for the balancer.
  const namedAsGiven = (each: ServedCertificate): ServedCertificate =>
    each.file === certificate?.cert ? certificate.namedAsGiven(each) : each
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
    url: addressUrl(address, isSecure),
    otherUrls: others.map((each) => addressUrl(each, isSecure)),
    sockets,
    ...(asked !== undefined && { listen: asked }),
    inherit: () => {
      if (asked !== undefined) for (const socket of sockets) socket.own()
    },
    configure: () => service.configure(),
    stopAccepting: async () => {
      const left = balancers.leave()
      // Connections that wait to be accepted would be reset.
      await Promise.all(sockets.map((socket) => socket.turnAway()))
      await admin.stopAccepting()
      // The balancer has closed its copies. With these closed, too, the system refuses clients instead of letting them
      // wait.
      await Promise.all(sockets.map((socket) => socket.close()))
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

function isAt(sockets: readonly ListenSocket[], path: string): boolean {
  return sockets.some(({ address }) => 'unix' in address && address.unix === path)
}

/** The addresses that a browser can open come first. */
function publicFirst(sockets: readonly ListenSocket[]): readonly ListenAddress[] {
  const addresses = sockets.map(({ address }) => address)
  return [...addresses.filter((each) => 'port' in each), ...addresses.filter((each) => 'unix' in each)]
}

/**
 * The predecessor's sockets, unless its own was opened for another address: then the predecessor keeps it. They are the
 * predecessor's own until that has gone.
 */
function inheritedSockets(
  inherited: Inheritance | undefined,
  listen: ListenAddress,
): readonly ListenSocket[] {
  if (inherited === undefined) return []
  const { listenFds, listen: before } = inherited
  if (before === undefined || before === formatListenAddress(listen))
    return listenFds.flatMap((fd) => adoptListenSocket(fd) ?? [])
  for (const fd of listenFds) closeSync(fd)
  return []
}
