import { linkSync, renameSync } from 'node:fs'
import { UNIX_PEER } from '../exchange/client-identity.ts'
import type { DataPlane } from '../exchange/data-plane.ts'
import { eventBegins, monotonicMs } from '../transport/clock.ts'
import { inbox } from '../transport/inbox.ts'
import type { ByteSocket } from '../transport/byte-socket.ts'
import { connectionsForDescriptors } from '../transport/descriptor-limit.ts'
import { ClientConnection, type ConnectionKeeper } from './client-connection.ts'
import { duplicateDescriptor } from './duplicate-descriptor.ts'
import { addressOfSocket, descriptorOfSocket } from './socket-table.ts'
import type { TlsSource } from './tls-source.ts'

/** Where to listen; `fd` is a listening socket inherited from the parent or the service manager. */
export type ListenTarget =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'fd'; readonly fd: number }

export interface ListenerOptions {
  readonly target: ListenTarget
  /** Terminate TLS with this certificate; `undefined` speaks plain HTTP. */
  readonly tls: TlsSource | undefined
  /** Let several processes listen on the same TCP port; each connection goes to one of them. */
  readonly reusePort: boolean
}

/** What is going on at a listener. */
export interface ListenerSnapshot {
  readonly connections: number
  readonly idle: number
}

const TICK_MS = 100
/** Version number of TLS 1.2 on the wire (RFC 5246 §E.1), as Bun wants it. */
const TLS_1_2 = 0x0303
const REFUSAL = Buffer.from(
  'HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nRetry-After: 1\r\nConnection: close\r\n\r\n',
)

interface Attached {
  connection: ClientConnection | undefined
}

/** The part of a Bun socket this package uses, as a `ByteSocket`. */
type ClientSocket = Bun.Socket<Attached> & ByteSocket

/**
 * Accepts client connections and keeps them, within the limits in total and per address. One timer looks at all
 * deadlines ten times a second, so that no request needs a timer of its own (measured in `bench/proxy`).
 */
export class Listener implements ConnectionKeeper, AsyncDisposable {
  drainingSince = 0
  private plane: DataPlane
  private readonly options: ListenerOptions
  private readonly connections: ClientConnection[] = []
  private readonly perAddress = new Map<string, number>()
  private readonly handlers: Bun.SocketHandler<Attached>
  private server: Bun.SocketListener<Attached> | undefined
  private timer: ReturnType<typeof setInterval> | undefined
  private unsubscribe: (() => void) | undefined
  private emptied: PromiseWithResolvers<void> | undefined
  private draining = false
  private closing: Promise<void> | undefined
  private readonly affordable = connectionsForDescriptors()
  private bound: ListenTarget

  constructor(plane: DataPlane, options: ListenerOptions) {
    this.plane = plane
    this.options = options
    this.bound = options.target
    this.handlers = this.makeHandlers()
  }

  get isDraining(): boolean {
    return this.draining
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

  snapshot(): ListenerSnapshot {
    const idle = this.connections.filter((connection) => connection.isIdle).length
    return { connections: this.connections.length, idle }
  }

  /** @throws what the system says when the address cannot be used */
  async start(): Promise<void> {
    this.server = this.listen()
    this.bound = this.boundTarget(this.server)
    this.unsubscribe = this.options.tls?.subscribe(() => this.replaceServer())
    this.timer = setInterval(() => this.tick(), TICK_MS)
  }

  /** New connections are served by this data plane; those that are open stay with theirs. */
  use(plane: DataPlane): void {
    this.plane = plane
  }

  /**
   * Stops accepting, answers what is under way with `Connection: close`, closes idle connections after a short grace.
   * Resolves when no connection is left; `signal` cuts what remains.
   */
  async drain(signal?: AbortSignal): Promise<void> {
    this.stopAccepting()
    eventBegins()
    if (!this.draining) this.drainingSince = monotonicMs()
    this.draining = true
    if (this.connections.length === 0) return
    this.emptied ??= Promise.withResolvers()
    const cut = (): void => this.cutAll()
    if (signal?.aborted === true) cut()
    signal?.addEventListener('abort', cut, { once: true })
    await this.emptied.promise
    signal?.removeEventListener('abort', cut)
  }

  /** Closes the socket and all connections, finished or not. */
  close(): Promise<void> {
    this.closing ??= this.shutDown()
    return this.closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  forget(connection: ClientConnection): void {
    const { slot } = connection
    if (slot < 0) return
    const last = this.connections.pop()!
    if (last !== connection) {
      this.connections[slot] = last
      last.slot = slot
    }
    connection.slot = -1
    this.uncount(connection.peer)
    this.plane.settings.observer.connection('closed')
    if (this.connections.length === 0) this.emptied?.resolve()
  }

  private async shutDown(): Promise<void> {
    this.stopAccepting()
    this.draining = true
    this.cutAll()
    clearInterval(this.timer)
  }

  private stopAccepting(): void {
    this.unsubscribe?.()
    this.unsubscribe = undefined
    this.server?.stop(false)
    this.server = undefined
  }

  private cutAll(): void {
    for (const connection of this.connections.slice()) connection.closeNow()
  }

  private listen(): Bun.SocketListener<Attached> {
    const { tls, reusePort } = this.options
    const target = this.options.target.kind === 'tcp' ? this.bound : this.options.target
    if (target.kind === 'fd') return this.listenOn(target.fd)
    if (target.kind === 'unix') return Bun.listen<Attached>({ ...this.common(), unix: target.path })
    // Where descriptors cannot be duplicated, the next certificate needs a second socket on the port.
    const shared = reusePort || (tls !== undefined && process.platform !== 'linux')
    const options = { ...this.common(), hostname: target.host, port: target.port, reusePort: shared }
    return Bun.listen<Attached>(options)
  }

  /** Bun listens on an inherited descriptor, which its types mention for connections only. */
  private listenOn(fd: number): Bun.SocketListener<Attached> {
    return Bun.listen<Attached>({ ...this.common(), fd } as never)
  }

  private common(): Pick<Bun.TCPSocketListenOptions<Attached>, 'socket' | 'allowHalfOpen' | 'tls'> {
    const { tls } = this.options
    const secure = tls === undefined ? {} : { tls: { ...tls.current(), minVersion: TLS_1_2 } }
    return { socket: this.handlers, allowHalfOpen: true, ...secure }
  }

  private boundTarget(server: Bun.SocketListener<Attached>): ListenTarget {
    const { target } = this.options
    if (target.kind === 'fd') return addressOfSocket(target.fd) ?? target
    if (target.kind === 'unix') return target
    // The types leave out the port of a TCP listener.
    return { ...target, port: (server as unknown as { port: number }).port }
  }

  /**
   * New certificate: somebody else accepts from the same socket before the old one stops, so that no connection that
   * waits in its queue is lost; established ones go on.
   *
   * @throws what the system says when there can be no second one
   */
  private replaceServer(): void {
    if (this.server === undefined) return
    const old = this.server
    const fd = this.bound.kind === 'fd' ? this.bound.fd : descriptorOfSocket(this.bound)
    const copy = fd === undefined ? undefined : duplicateDescriptor(fd)
    this.server = copy === undefined ? this.listen() : this.listenOn(copy)
    if (this.bound.kind === 'unix') keepingPath(this.bound.path, () => old.stop(false))
    else old.stop(false)
  }

  private makeHandlers(): Bun.SocketHandler<Attached> {
    return {
      open: (socket) => this.accept(socket),
      data({ data }, chunk) {
        if (data.connection !== undefined) inbox.arrived(data.connection, chunk)
      },
      drain: (socket) => connectionOf(socket)?.writable(),
      end: (socket) => connectionOf(socket)?.ended(),
      close: (socket) => connectionOf(socket)?.closed(),
      error: (socket) => connectionOf(socket)?.closed(),
    }
  }

  private accept(socket: Bun.Socket<Attached>): void {
    eventBegins()
    const { observer } = this.plane.settings
    const attached: Attached = { connection: undefined }
    socket.data = attached
    const peer = socket.remoteAddress ?? UNIX_PEER
    const refusal = this.refusalOf(peer)
    if (refusal !== undefined) {
      observer.connection(refusal)
      return void socket.end(REFUSAL)
    }
    this.count(peer)
    const secure = this.options.tls !== undefined
    const connection = new ClientConnection(socket as ClientSocket, this.plane, this, peer, secure)
    connection.slot = this.connections.length
    this.connections.push(connection)
    attached.connection = connection
    observer.connection('opened')
  }

  private refusalOf(peer: string): 'refused-total' | 'refused-address' | undefined {
    const { limits } = this.plane.settings
    if (this.connections.length >= Math.min(limits.maxConnections, this.affordable)) return 'refused-total'
    if (peer !== UNIX_PEER && (this.perAddress.get(peer) ?? 0) >= limits.maxConnectionsPerAddress)
      return 'refused-address'
    return undefined
  }

  private count(peer: string): void {
    if (peer !== UNIX_PEER) this.perAddress.set(peer, (this.perAddress.get(peer) ?? 0) + 1)
  }

  private uncount(peer: string): void {
    const left = (this.perAddress.get(peer) ?? 0) - 1
    if (left > 0) this.perAddress.set(peer, left)
    else this.perAddress.delete(peer)
  }

  private tick(): void {
    eventBegins()
    const now = monotonicMs()
    for (let index = this.connections.length - 1; index >= 0; index--) this.connections[index]?.tick(now)
    this.plane.slowClients.makeWay()
    this.plane.upstreams.sweep(now)
  }
}

/** Whom to tell what happened to a socket, now that he has the bytes it brought before. */
function connectionOf(socket: Bun.Socket<Attached>): ClientConnection | undefined {
  inbox.empty()
  return socket.data.connection
}

/** The runtime removes the path of a Unix socket when it stops listening, also when another descriptor still does. */
function keepingPath(path: string, stop: () => void): void {
  const aside = `${path}.${process.pid}`
  linkSync(path, aside)
  stop()
  renameSync(aside, path)
}
