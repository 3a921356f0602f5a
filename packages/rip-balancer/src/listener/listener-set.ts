import type { ListenAddress } from '../config/address.ts'
import type { ResolvedListener } from '../config/listener-config.ts'
import { BalancerError, listenFailure } from '../errors.ts'
import type { DataPlane } from '../exchange/data-plane.ts'
import type { RequestInFlight } from '../exchange/request-in-flight.ts'
import { removeStaleSocket } from '../stale-socket.ts'
import type { CertificateStatus } from '../tls/certificate.ts'
import { FileTlsSource } from '../tls/file-tls-source.ts'
import { timeLimit } from '../transport/time-limit.ts'
import { Listener } from './listener.ts'

/** A listener as it was declared, with what it owns. */
interface DeclaredListener {
  readonly declared: ResolvedListener
  readonly listener: Listener
  readonly tls: FileTlsSource | undefined
}

/** Another declaration of which everything new listens already, while nothing old has left. */
export interface ListenerChange {
  readonly listeners: readonly DeclaredListener[]
  readonly opened: readonly DeclaredListener[]
  readonly left: readonly DeclaredListener[]
}

/** The listeners of a balancer, which may become others while it runs. */
export class ListenerSet implements AsyncDisposable {
  private plane: DataPlane
  private readonly warn: (message: string) => void
  private listeners: readonly DeclaredListener[]
  /** No longer declared, with connections that are not finished. */
  private readonly leaving = new Set<DeclaredListener>()
  private accepting = false
  private closed = false

  /** @throws `CONFIG_INVALID` when a certificate cannot be used */
  constructor(
    plane: DataPlane,
    declared: readonly ResolvedListener[],
    warn: (message: string) => void = () => {},
  ) {
    this.plane = plane
    this.warn = warn
    this.listeners = declared.map((each) => this.create(each, undefined))
  }

  /** Where they can be reached, in the order of their declaration. */
  get urls(): readonly string[] {
    return this.listeners.map(({ listener }) => reachable(listener.url))
  }

  /** Resolves when all of them accept. @throws `ADDRESS_IN_USE`, `LISTEN_FAILED`, `CLOSED` */
  async start(): Promise<void> {
    this.accepting = true
    for (const entry of this.listeners) await this.open(entry)
  }

  /** New connections are served by this data plane; those that are open stay with theirs. */
  use(plane: DataPlane): void {
    this.plane = plane
    for (const { listener } of this.listeners) listener.use(plane)
  }

  /** Requests that are being answered, the oldest first. @param nowMs monotonic */
  inFlight(nowMs: number): readonly RequestInFlight[] {
    return [...this.listeners, ...this.leaving]
      .flatMap(({ listener }) => listener.inFlight(nowMs))
      .toSorted((a, b) => b.ageMs - a.ageMs)
  }

  /** The certificates that serve. */
  get certificates(): CertificateStatus[] {
    return this.listeners.flatMap(({ declared, tls }) =>
      tls === undefined || declared.tls === undefined
        ? []
        : [{ ...tls.facts, file: declared.tls.certFile, problem: tls.problem ?? null }],
    )
  }

  /**
   * Opens what another declaration has in addition. `commit` the change at once, or `undo` it.
   *
   * @throws `CONFIG_INVALID`, `ADDRESS_IN_USE`, `LISTEN_FAILED`, `CLOSED`; then nothing has changed
   */
  async prepare(declared: readonly ResolvedListener[]): Promise<ListenerChange> {
    const left = [...this.listeners]
    const listeners: DeclaredListener[] = []
    const opened: DeclaredListener[] = []
    try {
      for (const each of declared) {
        const before = left.find((entry) => hasSocketOf(entry.declared, each))
        const stays = before !== undefined && Bun.deepEquals(before.declared, each, true)
        if (stays) left.splice(left.indexOf(before), 1)
        const entry = stays ? before : this.create(each, before)
        listeners.push(entry)
        if (stays) continue
        opened.push(entry)
        if (this.accepting) await this.open(entry)
      }
    } catch (error) {
      await Promise.all(opened.map(close))
      throw error
    }
    return { listeners, opened, left }
  }

  /** What is no longer declared finishes what it has, for `drainMs` milliseconds at most. */
  commit({ listeners, left }: ListenerChange, drainMs: number): void {
    this.listeners = listeners
    for (const entry of left) void this.leave(entry, drainMs)
  }

  async undo({ opened }: ListenerChange): Promise<void> {
    await Promise.all(opened.map(close))
  }

  /**
   * Stops accepting, lets what is under way finish. Resolves when no connection is left; `signal` aborts what remains.
   */
  async drain(signal?: AbortSignal): Promise<void> {
    this.accepting = false
    await Promise.all([...this.listeners, ...this.leaving].map(({ listener }) => listener.drain(signal)))
  }

  /** Closes all sockets and connections, finished or not. Idempotent. */
  async close(): Promise<void> {
    this.closed = true
    this.accepting = false
    await Promise.all([...this.listeners, ...this.leaving].map(close))
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  private async leave(entry: DeclaredListener, drainMs: number): Promise<void> {
    this.leaving.add(entry)
    await entry.listener.drain(timeLimit(drainMs))
    await close(entry)
    this.leaving.delete(entry)
  }

  private async open({ listener, declared: { address } }: DeclaredListener): Promise<void> {
    try {
      if (address.kind === 'unix') await removeStaleSocket(address.path)
      if (this.closed) throw new BalancerError('CLOSED', {})
      await listener.start()
    } catch (error) {
      throw error instanceof BalancerError ? error : listenFailure(listenText(address), error)
    }
  }

  /** @param before has the socket already, with another certificate */
  private create(declared: ResolvedListener, before: DeclaredListener | undefined): DeclaredListener {
    const { address: target, reusePort, http2 } = declared
    const tls = declared.tls && this.createTls(declared.tls, before?.tls)
    const access = target.kind === 'unix' ? target : undefined
    const listener =
      before?.listener.successor(tls, http2, access) ??
      new Listener(this.plane, { target, tls, http2, reusePort, access })
    return { declared, listener, tls }
  }

  /** @param before what serves there */
  private createTls(
    files: NonNullable<ResolvedListener['tls']>,
    before: FileTlsSource | undefined,
  ): FileTlsSource {
    try {
      return new FileTlsSource({ ...files, replaces: before?.facts, tell: (message) => this.warn(message) })
    } catch (error) {
      const problem = `tls: ${files.certFile} and ${files.keyFile} cannot be used: ${(error as Error).message}`
      throw new BalancerError('CONFIG_INVALID', { problems: [problem] }, { cause: error })
    }
  }
}

async function close({ listener, tls }: DeclaredListener): Promise<void> {
  tls?.[Symbol.dispose]()
  await listener.close()
}

/** Whether both use the same socket; their certificates and permissions may differ. */
function hasSocketOf(one: ResolvedListener, other: ResolvedListener): boolean {
  if (one.address.kind === 'unix' && other.address.kind === 'unix')
    return one.address.path === other.address.path
  return one.reusePort === other.reusePort && Bun.deepEquals(one.address, other.address, true)
}

function listenText(address: ListenAddress): string {
  if (address.kind === 'unix') return `unix:${address.path}`
  if (address.kind === 'fd') return `fd:${address.fd}`
  return address.host.includes(':') ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`
}

/** An address a client can use: the wildcard addresses name every interface, this one among them. */
function reachable(url: string): string {
  return url.replace('//0.0.0.0:', '//localhost:').replace('//[::]:', '//localhost:')
}
