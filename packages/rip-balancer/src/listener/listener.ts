import { linkSync, renameSync } from 'node:fs'
import type { UnixAddress } from '../address/unix-address.ts'
import { addressOf, UNIX_PEER } from '../forwarding/client-identity.ts'
import type { ConnectionRefusal } from '../exchange/connection-counts.ts'
import type { DataPlane } from '../exchange/data-plane.ts'
import type { RequestInFlight } from '../exchange/request-in-flight.ts'
import { isSystemError } from '../transport/system-error.ts'
import type { ByteSocket } from '../transport/byte-socket.ts'
import { ClientConnection, REFUSAL } from './client-connection.ts'
import type { ConnectionKeeper, KeptConnection } from './connection-keeper.ts'
import { ConnectionTable } from './connection-table.ts'
import { Http2Connection } from './http2/http2-connection.ts'
import { Http2Plane } from './http2/http2-plane.ts'
import { SpareStreams } from './http2/spare-streams.ts'
import { createClosed, openAccess } from './socket-access.ts'
import { duplicateDescriptor } from './duplicate-descriptor.ts'
import { addressOfSocket } from './socket-table.ts'
import { turnAway } from './turn-away.ts'
import type { TlsSource } from '../tls/tls-source.ts'
import { isPlainHttp } from './wrong-protocol.ts'

/** Where to listen; `fd` is a listening socket inherited from the parent or the service manager. */
export type ListenTarget =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | ({ readonly kind: 'unix' } & UnixAddress)
  | { readonly kind: 'fd'; readonly fd: number }

export interface ListenerOptions {
  readonly target: ListenTarget
  /** Terminate TLS with this certificate; `undefined` speaks plain HTTP. */
  readonly tls: TlsSource | undefined
  /** Speak HTTP/2 to clients that ask for it: by ALPN with TLS, else by its preface (RFC 9113 §3). */
  readonly http2: boolean
  /** Let several processes listen on the same TCP port; each connection goes to one of them. */
  readonly reusePort: boolean
  /** Permissions of the Unix socket; `undefined` for other sockets, and for those that another process made. */
  readonly access: UnixAddress | undefined
}

/** What is going on at a listener. */
export interface ListenerStatus {
  readonly connections: number
  readonly idle: number
}

const TICK_MS = 100
/** How long a connection may take to be made that had begun when new ones were turned away. */
const HANDSHAKE_MS = 100
const LOOPBACK = /^(?:127\.|::1$|localhost$)/
/** What has been idle for less may be about to send a request. */
const MIN_IDLE_MS = 1_000
/** Version number of TLS 1.2 on the wire (RFC 5246 §E.1), as Bun wants it. */
const TLS_1_2 = 0x0303
/** What clients may choose by ALPN (RFC 7301 §3.1), as Bun wants it: each name behind its length. */
const ALPN_PROTOCOLS = Buffer.from('\x02h2\x08http/1.1', 'latin1')
interface Attached {
  connection: KeptConnection | undefined
}

/** The part of a Bun socket this package uses, as a `ByteSocket`. */
type ClientSocket = Bun.Socket<Attached> & ByteSocket & { readonly alpnProtocol?: string | false }

/**
 * Accepts client connections and keeps them, within the limits in total and per address. One timer looks at all
 * deadlines ten times a second, so that no request needs a timer of its own (measured in `bench/proxy`).
 */
export class Listener implements ConnectionKeeper, AsyncDisposable {
  drainingSince = 0
  private plane: DataPlane
  private readonly options: ListenerOptions
  private readonly connections = new ConnectionTable<KeptConnection>()
  private http2: SpareStreams | undefined
  private readonly handlers: Bun.SocketHandler<Attached>
  private server: Bun.SocketListener<Attached> | undefined
  private timer: ReturnType<typeof setInterval> | undefined
  private unsubscribe: (() => void) | undefined
  private emptied: PromiseWithResolvers<void> | undefined
  private draining = false
  private closing: Promise<void> | undefined
  private bound: ListenTarget
  private follower: Listener | undefined
  /** No other process accepts from it. */
  private isOurs: boolean

  constructor(plane: DataPlane, options: ListenerOptions) {
    this.plane = plane
    this.options = options
    this.bound = options.target
    this.isOurs = options.target.kind !== 'fd'
    this.handlers = this.makeHandlers()
  }

  get isDraining(): boolean {
    return this.draining
  }

  get takesPreface(): boolean {
    return this.options.http2 && this.options.tls === undefined
  }

  /** Where the listener can be reached: `http://HOST:PORT`, `unix:PATH`; `fd:N` for a socket that has no name. */
  get url(): string {
    const { bound } = this
    if (bound.kind === 'unix') return `unix:${bound.path}`
    if (bound.kind === 'fd') return `fd:${bound.fd}`
    const host = bound.host.includes(':') ? `[${bound.host}]` : bound.host
    return `${this.options.tls === undefined ? 'http' : 'https'}://${host}:${bound.port}`
  }

  /** The TCP port in use, 0 for other sockets. */
  get port(): number {
    return this.bound.kind === 'tcp' ? this.bound.port : 0
  }

  status(): ListenerStatus {
    const idle = this.connections.list().filter((connection) => connection.isIdle).length
    return { connections: this.connections.size, idle }
  }

  /** Requests that are being answered. @param nowMs monotonic */
  inFlight(nowMs: number): readonly RequestInFlight[] {
    return this.connections.list().flatMap((connection) => connection.inFlight(nowMs))
  }

  /** @throws what the system says when the address cannot be used */
  async start(): Promise<void> {
    this.server = this.listen()
    this.bound = this.boundTarget(this.server)
    this.openAccess()
    this.unsubscribe = this.options.tls?.subscribe(() => this.replaceServer())
    this.timer = setInterval(() => this.plane.turn.run(() => this.tick()), TICK_MS)
  }

  /**
   * A listener with another certificate, or none, or with other protocols, that accepts from the same socket when it is started; then this one
   * can leave. `undefined` where a socket cannot be shared, and before this one listens.
   */
  successor(
    tls: TlsSource | undefined,
    http2: boolean,
    access: UnixAddress | undefined,
  ): Listener | undefined {
    const fd = this.server && duplicateDescriptor(descriptorOf(this.server))
    if (fd === undefined) return undefined
    this.follower = new Listener(this.plane, {
      ...this.options,
      tls,
      http2,
      access,
      target: { kind: 'fd', fd },
    })
    this.follower.isOurs = this.isOurs
    return this.follower
  }

  /** New connections are served by this data plane; those that are open stay with theirs. */
  use(plane: DataPlane): void {
    this.plane = plane
    this.http2 = undefined
  }

  /**
   * Stops accepting, answers what is under way with `Connection: close`, closes idle connections after a short grace.
   * Connections that had come are accepted first. Resolves when no connection is left; `signal` aborts what remains.
   */
  async drain(signal?: AbortSignal): Promise<void> {
    if (!this.draining) this.drainingSince = performance.now()
    this.draining = true
    if (this.turnAway()) await this.emptyQueue()
    this.stopAccepting()
    if (this.connections.size === 0) return
    this.emptied ??= Promise.withResolvers()
    const abort = (): void => this.abortAll()
    if (signal?.aborted === true) abort()
    signal?.addEventListener('abort', abort, { once: true })
    await this.emptied.promise
    signal?.removeEventListener('abort', abort)
  }

  /** Closes the socket and all connections, finished or not. */
  close(): Promise<void> {
    this.closing ??= this.shutDown()
    return this.closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  forget(connection: KeptConnection): void {
    if (!this.connections.delete(connection)) return
    this.plane.connections.close(connection.countedFor)
    this.plane.settings.observer.connection('closed')
    if (this.connections.size === 0) this.emptied?.resolve()
  }

  setLasting(connection: KeptConnection, lasting: boolean): void {
    this.connections.setLasting(connection, lasting)
  }

  becomesHttp2(connection: KeptConnection, socket: ByteSocket, bytes: Buffer): void {
    this.switchToHttp2(socket as ClientSocket, connection).received(bytes)
  }

  private async shutDown(): Promise<void> {
    this.stopAccepting()
    this.draining = true
    this.abortAll()
    clearInterval(this.timer)
  }

  /** Returns whether new connections are refused while those that have come wait to be accepted. */
  private turnAway(): boolean {
    const { server, bound } = this
    if (server === undefined || !this.isOurs || this.follower?.server !== undefined) return false
    return turnAway(descriptorOf(server), bound.kind === 'unix' ? 'unix' : 'tcp')
  }

  private async emptyQueue(): Promise<void> {
    const { bound } = this
    const isNear = bound.kind !== 'tcp' || LOOPBACK.test(bound.host)
    await Bun.sleep(isNear ? 0 : HANDSHAKE_MS)
    // Between a timer and this callback the event loop accepts all waiting connections.
    await new Promise(setImmediate)
  }

  private stopAccepting(): void {
    this.unsubscribe?.()
    this.unsubscribe = undefined
    const { server } = this
    this.server = undefined
    if (server !== undefined) this.stop(server, this.follower?.server !== undefined)
  }

  /** @param shared another listener accepts from the same socket, and its path has to stay */
  private stop(server: Bun.SocketListener<Attached>, shared: boolean): void {
    if (shared && this.bound.kind === 'unix') keepingPath(this.bound.path, () => server.stop(false))
    else server.stop(false)
  }

  private abortAll(): void {
    for (const connection of this.connections.list()) connection.closeNow()
  }

  private listen(): Bun.SocketListener<Attached> {
    const { tls, reusePort } = this.options
    const target = this.options.target.kind === 'tcp' ? this.bound : this.options.target
    if (target.kind === 'fd') return this.listenOn(target.fd)
    if (target.kind === 'unix')
      return createClosed(() => Bun.listen<Attached>({ ...this.common(), unix: target.path }))
    // Where descriptors cannot be duplicated, the next certificate needs a second socket on the port.
    const shared = reusePort || (tls !== undefined && process.platform !== 'linux')
    const options = { ...this.common(), port: target.port, reusePort: shared }
    try {
      return Bun.listen<Attached>({ ...options, hostname: target.host })
    } catch (error) {
      if (target.host !== '::' || !lacksIpv6(error)) throw error
      return Bun.listen<Attached>({ ...options, hostname: '0.0.0.0' })
    }
  }

  /** Bun listens on an inherited descriptor, which its types mention for connections only. */
  private listenOn(fd: number): Bun.SocketListener<Attached> {
    return Bun.listen<Attached>({ ...this.common(), fd } as never)
  }

  private common(): Pick<Bun.TCPSocketListenOptions<Attached>, 'socket' | 'allowHalfOpen' | 'tls'> {
    const { tls, http2 } = this.options
    const alpn = http2 ? { ALPNProtocols: ALPN_PROTOCOLS } : {}
    const secure = tls === undefined ? {} : { tls: { ...tls.current(), minVersion: TLS_1_2, ...alpn } }
    return { socket: this.handlers, allowHalfOpen: true, ...secure }
  }

  private openAccess(): void {
    const { access } = this.options
    if (access !== undefined) openAccess(access)
  }

  private boundTarget(server: Bun.SocketListener<Attached>): ListenTarget {
    const { target } = this.options
    if (target.kind === 'fd') return addressOfSocket(target.fd) ?? target
    if (target.kind === 'unix') return target
    // The types leave out the port of a TCP listener.
    return { ...target, port: (server as unknown as { port: number }).port }
  }

  /**
   * New certificate: a second listener accepts from the same socket before the old one stops, so that no connection that
   * waits in its queue is lost; established ones go on.
   *
   * @throws what the system says when there can be no second one
   */
  private replaceServer(): void {
    if (this.server === undefined) return
    const old = this.server
    const copy = duplicateDescriptor(descriptorOf(old))
    this.server = copy === undefined ? this.listen() : this.listenOn(copy)
    this.openAccess()
    this.stop(old, true)
  }

  private makeHandlers(): Bun.SocketHandler<Attached> {
    const { turn } = this.plane
    return {
      open: (socket) => turn.run(() => this.accept(socket)),
      // Without this handler the runtime would report a connection only at the end of its handshake: until then it would
      // count for no limit.
      handshake: (socket, succeeded, error) =>
        turn.run(() => {
          if (succeeded) this.secured(socket as ClientSocket)
          else socket.data.connection?.unsecured(isPlainHttp(error))
        }),
      data({ data }, chunk) {
        if (data.connection !== undefined) turn.received(data.connection, chunk)
      },
      drain: ({ data }) => turn.run(() => data.connection?.writable()),
      end: ({ data }) => turn.run(() => data.connection?.ended()),
      close: ({ data }) => turn.run(() => data.connection?.closed()),
      error: (socket, error) => turn.run(() => this.onError(socket, error)),
    }
  }

  /** What the system says, or what one of the handlers above threw. */
  private onError(socket: Bun.Socket<Attached>, error: Error): void {
    socket.data.connection?.closed()
    if (isSystemError(error)) return
    socket.terminate()
    this.plane.settings.observer.fault(error)
  }

  private secured(socket: ClientSocket): void {
    const { connection } = socket.data
    connection?.secured()
    if (connection !== undefined && connection.slot >= 0 && socket.alpnProtocol === 'h2')
      this.switchToHttp2(socket, connection)
  }

  /** A connection on which nothing was read goes on as one of HTTP/2. */
  private switchToHttp2(socket: ClientSocket, connection: KeptConnection): Http2Connection {
    this.http2 ??= new SpareStreams(new Http2Plane(this.plane))
    const next = new Http2Connection(socket, this.http2, this, connection.identity)
    next.countedFor = connection.countedFor
    this.connections.replace(connection, next)
    socket.data.connection = next
    this.plane.settings.observer.connection('http2')
    return next
  }

  private accept(socket: Bun.Socket<Attached>): void {
    const { observer } = this.plane.settings
    const attached: Attached = { connection: undefined }
    socket.data = attached
    // Its client has reset it already. Whatever it had sent is nobody's, and above all not that of a peer on a Unix socket.
    if (socket.remoteAddress === undefined && this.bound.kind === 'tcp') return socket.terminate()
    const peer = addressOf(socket.remoteAddress ?? UNIX_PEER)
    const client = this.speaksForOthers(peer) ? undefined : peer
    const secure = this.options.tls !== undefined
    const refusal = this.admit(client)
    if (refusal !== undefined) {
      observer.connection(refusal)
      // A word to the client would cost a handshake.
      return void (secure ? socket.terminate() : socket.end(REFUSAL))
    }
    const connection = new ClientConnection(
      socket as ClientSocket,
      this.plane,
      this,
      { address: peer, port: socket.remotePort ?? 0 },
      secure,
    )
    connection.countedFor = client
    this.connections.add(connection)
    attached.connection = connection
    observer.connection('opened')
  }

  private admit(client: string | undefined): ConnectionRefusal | undefined {
    const { connections, settings } = this.plane
    const refusal = connections.open(client, settings.limits)
    if (refusal !== 'refused-total' || !this.makeRoom()) return refusal
    return connections.open(client, settings.limits)
  }

  /**
   * Ends what has been idle for longest, of a sample: a client that keeps connections open must not keep others out. Where all
   * were busy a moment ago, those that never were: who opens a connection to use it does so at once.
   */
  private makeRoom(): boolean {
    const { nowMs } = this.plane.turn.clock
    const idlest = this.connections.idlest(nowMs - MIN_IDLE_MS) ?? this.connections.idlest(nowMs, true)
    if (idlest === undefined) return false
    this.plane.settings.observer.connection('gave-way')
    idlest.giveWay()
    return true
  }

  /** Whether the peer is a proxy, whose many connections belong to many clients: it is counted for no limit per address. */
  private speaksForOthers(peer: string): boolean {
    const { proxyProtocolFrom, forwarding } = this.plane.settings
    return peer === UNIX_PEER || forwarding.trustedProxies.has(peer) || proxyProtocolFrom?.has(peer) === true
  }

  private tick(): void {
    const now = this.plane.turn.clock.nowMs
    this.connections.tick(now)
    this.plane.slowClients.makeWay()
    this.plane.upstreams.sweep(now)
  }
}

/** Its descriptor, which the types leave out. */
function descriptorOf(server: Bun.SocketListener<Attached>): number {
  return (server as unknown as { fd: number }).fd
}

/** The runtime removes the path of a Unix socket when it stops listening, also when another descriptor still does. */
function keepingPath(path: string, stop: () => void): void {
  const aside = `${path}.${process.pid}`
  linkSync(path, aside)
  stop()
  renameSync(aside, path)
}

/** Machines without IPv6 have no wildcard address of it. */
function lacksIpv6(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException
  return code === 'EAFNOSUPPORT' || code === 'EADDRNOTAVAIL'
}
