import { chownSync } from 'node:fs'
import {
  FrameError,
  PROTOCOL_VERSION,
  type SupervisorMessage,
  type WorkerMessage,
} from '@rip/worker/protocol'
import type { Account } from '../contract/account.ts'
import { ManagerError } from '../contract/errors.ts'
import type { WorkerLinks } from '../contract/ports.ts'
import { HealingSocket } from '../socket/healing-socket.ts'
import { openLibc } from '../system/libc.ts'
import { Link, MAX_UNSENT_BYTES } from './link.ts'
import { readWorkerMessage } from './worker-message.ts'
import { messageOf } from '../contract/message-of.ts'

/** Links that have not said hello yet; a worker says it at once, and the rest are not of workers. */
const MAX_SILENT_LINKS = 64
const DEFAULT_HELLO_TIMEOUT_MS = 5_000
/** At most one warning about links that said no hello in this time: a process that opens thousands must not fill the log. */
const ANONYMOUS_WARNING_EVERY_MS = 10_000

export interface WorkerLinksOptions {
  /** Called with one sentence for every connection that was given up because of what it sent. */
  readonly onWarning?: (message: string) => void
  /** User who may connect besides root. @default the user of this process */
  readonly account?: Account
  /** A link without a `hello` is closed after this time. @default 5000 */
  readonly helloTimeoutMs?: number
  /** Which process is at the other end, by the word of the kernel; `undefined` where that cannot be had. */
  readonly peerPid?: (fd: number) => number | undefined
}

type Receive = (pid: number, message: WorkerMessage | null) => void

/** Control connections of workers on a Unix socket. A link that misbehaves ends alone. */
export function createWorkerLinks(path: string, options: WorkerLinksOptions = {}): WorkerLinks {
  return new SocketLinks(path, options)
}

class SocketLinks implements WorkerLinks {
  readonly #path: string
  readonly #warn: (message: string) => void
  readonly #helloTimeoutMs: number
  readonly #peerPid: (fd: number) => number | undefined
  readonly #socket: HealingSocket<Bun.UnixSocketListener<Link>>
  readonly #receivers: Receive[] = []
  readonly #links = new Set<Link>()
  /** The link each worker is heard on. */
  readonly #byPid = new Map<number, Link>()
  #silentLinks = 0
  #anonymousWarnedMs = -Infinity
  #closing: Promise<void> | undefined

  constructor(path: string, options: WorkerLinksOptions) {
    this.#path = path
    this.#warn = options.onWarning ?? (() => {})
    this.#helloTimeoutMs = options.helloTimeoutMs ?? DEFAULT_HELLO_TIMEOUT_MS
    this.#peerPid = options.peerPid ?? peerPidByKernel
    this.#socket = new HealingSocket(path, () => this.#listen(options.account))
  }

  /** Asked for at each start of a worker: the moment to notice that the socket was removed. */
  get path(): string {
    try {
      this.#socket.heal()
    } catch (error) {
      this.#warn(`cannot listen for workers on ${this.#path} any more: ${String(error)}`)
    }
    return this.#path
  }

  async start(): Promise<void> {
    try {
      this.#socket.open()
    } catch (error) {
      const reason = messageOf(error)
      throw new ManagerError('LINK_SOCKET_FAILED', { path: this.#path, reason }, { cause: error })
    }
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close())
  }

  async #close(): Promise<void> {
    for (const link of this.#links) this.#forget(link)
    for (const listener of this.#socket.close()) listener.stop(true)
    this.#socket.remove()
  }

  onMessage(receive: Receive): void {
    this.#receivers.push(receive)
  }

  send(pid: number, message: SupervisorMessage): void {
    const link = this.#byPid.get(pid)
    if (link === undefined || link.send(message)) return
    this.#giveUp(link, `it left more than ${MAX_UNSENT_BYTES} bytes unread`)
  }

  #listen(account: Account | undefined): Bun.UnixSocketListener<Link> {
    const listener = Bun.listen<Link>({
      unix: this.#path,
      socket: {
        open: (socket) => this.#admit((socket.data = new Link(socket))),
        data: (socket, bytes) => this.#read(socket.data, bytes),
        drain: (socket) => socket.data.flush(),
        close: (socket) => this.#ended(socket.data),
        // Followed by `close`, which is where the link ends.
        error() {},
      },
    })
    try {
      if (account !== undefined) chownSync(this.#path, account.uid, account.gid)
      return listener
    } catch (error) {
      listener.stop(true)
      throw error
    }
  }

  #admit(link: Link): void {
    this.#links.add(link)
    this.#silentLinks += 1
    if (this.#silentLinks > MAX_SILENT_LINKS)
      return this.#giveUp(link, `${MAX_SILENT_LINKS} others have not said it either`)
    const withinMs = this.#helloTimeoutMs
    link.expectHello(withinMs, () => this.#giveUp(link, `none came within ${withinMs} ms`))
  }

  #read(link: Link, bytes: Uint8Array): void {
    if (!this.#links.has(link)) return
    try {
      this.#receive(link, link.read(bytes))
    } catch (error) {
      if (!(error instanceof FrameError)) throw error
      this.#receive(link, error.messages)
      this.#giveUp(link, error.message)
    }
  }

  #receive(link: Link, messages: readonly unknown[]): void {
    for (const value of messages) {
      if (!this.#links.has(link)) return
      const message = readWorkerMessage(value)
      if (message === undefined)
        this.#giveUp(link, `not a message of a worker: ${JSON.stringify(value).slice(0, 200)}`)
      else this.#accept(link, message)
    }
  }

  #accept(link: Link, message: WorkerMessage): void {
    if (link.pid !== undefined) return this.#deliver(link.pid, message)
    if (message.type !== 'hello') return this.#giveUp(link, `a "${message.type}" message came before "hello"`)
    const peer = this.#peerPid(link.fd)
    if (peer !== undefined && peer !== message.pid)
      return this.#giveUp(link, `it says to be process ${message.pid}, and is process ${peer}`)
    if (message.version !== PROTOCOL_VERSION) return this.#refuseVersion(link, message)
    this.#introduce(link, message.pid)
    this.#deliver(message.pid, message)
  }

  /** A worker that dials again is heard on its newest link. */
  #introduce(link: Link, pid: number): void {
    link.introduce(pid)
    this.#silentLinks -= 1
    const former = this.#byPid.get(pid)
    this.#byPid.set(pid, link)
    if (former !== undefined) this.#forget(former)
  }

  #refuseVersion(link: Link, hello: { readonly pid: number; readonly version: number }): void {
    const message =
      `worker process ${hello.pid} speaks version ${hello.version} of the control protocol, ` +
      `this manager version ${PROTOCOL_VERSION}: install the same release of @rip/worker and @rip/manager`
    this.#deliver(hello.pid, { type: 'failed', failure: { kind: 'socket', message } })
    this.#giveUp(link, message)
  }

  #deliver(pid: number, message: WorkerMessage | null): void {
    if (this.#closing !== undefined) return
    for (const receive of this.#receivers) receive(pid, message)
  }

  #giveUp(link: Link, reason: string): void {
    if (!this.#links.has(link)) return
    this.#tellGivenUp(link, reason)
    this.#ended(link)
  }

  #ended(link: Link): void {
    if (!this.#forget(link) || link.pid === undefined || this.#byPid.get(link.pid) !== link) return
    this.#byPid.delete(link.pid)
    this.#deliver(link.pid, null)
  }

  /** Nothing more is read from the link, nor kept for it. Returns false when it was forgotten before. */
  #forget(link: Link): boolean {
    if (!this.#links.delete(link)) return false
    if (link.pid === undefined) this.#silentLinks -= 1
    link.end()
    return true
  }

  #tellGivenUp({ pid }: Link, reason: string): void {
    if (pid !== undefined) return this.#warn(`control link to worker process ${pid} closed: ${reason}`)
    if (performance.now() - this.#anonymousWarnedMs < ANONYMOUS_WARNING_EVERY_MS) return
    this.#anonymousWarnedMs = performance.now()
    this.#warn(`control link to a process that said no hello closed: ${reason}`)
  }
}

/** The kernel knows which process connected, whatever that says itself (unix(7), `SO_PEERCRED`). */
function peerPidByKernel(fd: number): number | undefined {
  return openLibc()?.peerPid(fd)
}
