import { chownSync, existsSync, rmSync } from 'node:fs'
import {
  encodeFrame,
  FrameDecoder,
  FrameError,
  MAX_FRAME_BYTES,
  PROTOCOL_VERSION,
  type SupervisorMessage,
  type WorkerMessage,
} from '@rip/worker/protocol'
import { ManagerError } from '../contract/errors.ts'
import type { WorkerLinks } from '../contract/ports.ts'
import { listenPrivately } from '../socket/listen-privately.ts'
import { openLibc } from '../system/libc.ts'
import type { Account } from '../contract/account.ts'
import { readWorkerMessage } from './worker-message.ts'

/** A worker that leaves more than this unread has stopped reading: its link is of no use. */
const MAX_UNSENT_BYTES = 1_048_576
/** Room for any `hello`. */
const MAX_HELLO_BYTES = 1_024
/** Links that have not said hello yet; a worker says it at once, and the rest are not of workers. */
const MAX_SILENT_LINKS = 64
const DEFAULT_HELLO_TIMEOUT_MS = 5_000
/** Of links nobody vouches for one is told in this time: who opens thousands must not fill the log. */
const ANONYMOUS_WARNING_EVERY_MS = 10_000

export interface WorkerLinksOptions {
  /** Told, in one sentence, of every connection that was given up because of what it sent. */
  readonly onWarning?: (message: string) => void
  /** Who may connect beside root. @default whoever listens */
  readonly account?: Account
  /** A link without a `hello` is closed after this time. @default 5000 */
  readonly helloTimeoutMs?: number
  /** Which process is at the other end, by the word of the kernel; `undefined` where that cannot be had. */
  readonly peerPid?: (fd: number) => number | undefined
}

type Receive = (pid: number, message: WorkerMessage | null) => void

/** Control connections of workers on a Unix socket. A link that misbehaves ends alone. */
export function createWorkerLinks(path: string, options: WorkerLinksOptions = {}): WorkerLinks {
  const links = new Set<Link>()
  const byPid = new Map<number, Link>()
  const receivers: Receive[] = []
  const listeners: Bun.UnixSocketListener<Link>[] = []
  const { helloTimeoutMs = DEFAULT_HELLO_TIMEOUT_MS, peerPid = peerPidByKernel } = options
  let silentLinks = 0
  let anonymousWarnedMs = -Infinity
  let closing: Promise<void> | undefined

  const deliver: Receive = (pid, message) => {
    if (closing !== undefined) return
    for (const receiver of receivers) receiver(pid, message)
  }

  const accept = (link: Link, message: WorkerMessage): void => {
    if (link.pid !== undefined) return deliver(link.pid, message)
    if (message.type !== 'hello') return giveUp(link, `a "${message.type}" message came before "hello"`)
    const peer = peerPid(link.fd)
    if (peer !== undefined && peer !== message.pid)
      return giveUp(link, `it says to be process ${message.pid}, and is process ${peer}`)
    if (message.version !== PROTOCOL_VERSION) return refuseVersion(link, message)
    introduce(link, message.pid)
    // A worker that dials again is heard on its newest link.
    const former = byPid.get(message.pid)
    byPid.set(message.pid, link)
    if (former !== undefined) forget(former)
    deliver(message.pid, message)
  }

  const admit = (link: Link): void => {
    links.add(link)
    silentLinks += 1
    if (silentLinks > MAX_SILENT_LINKS)
      return giveUp(link, `${MAX_SILENT_LINKS} others have not said it either`)
    link.deadline = setTimeout(() => giveUp(link, `none came within ${helloTimeoutMs} ms`), helloTimeoutMs)
  }

  const introduce = (link: Link, pid: number): void => {
    link.introduce(pid)
    silentLinks -= 1
  }

  /** Nothing more is read from it, nor kept for it. */
  const forget = (link: Link): boolean => {
    if (!links.delete(link)) return false
    if (link.pid === undefined) silentLinks -= 1
    link.end()
    return true
  }

  const warn = (link: Link, reason: string): void => {
    if (link.pid !== undefined)
      return options.onWarning?.(`control link to worker process ${link.pid} closed: ${reason}`)
    if (performance.now() - anonymousWarnedMs < ANONYMOUS_WARNING_EVERY_MS) return
    anonymousWarnedMs = performance.now()
    options.onWarning?.(`control link to a process that said no hello closed: ${reason}`)
  }

  const refuseVersion = (link: Link, hello: { readonly pid: number; readonly version: number }): void => {
    const message =
      `worker process ${hello.pid} speaks version ${hello.version} of the control protocol, ` +
      `this manager version ${PROTOCOL_VERSION}: install the same release of @rip/worker and @rip/manager`
    deliver(hello.pid, { type: 'failed', failure: { kind: 'socket', message } })
    giveUp(link, message)
  }

  const giveUp = (link: Link, reason: string): void => {
    if (!links.has(link)) return
    warn(link, reason)
    ended(link)
  }

  const ended = (link: Link): void => {
    if (!forget(link) || link.pid === undefined || byPid.get(link.pid) !== link) return
    byPid.delete(link.pid)
    deliver(link.pid, null)
  }

  const read = (link: Link, bytes: Uint8Array): void => {
    if (!links.has(link)) return
    try {
      receive(link, link.decoder.push(bytes))
    } catch (error) {
      if (!(error instanceof FrameError)) throw error
      receive(link, error.messages)
      giveUp(link, error.message)
    }
  }

  const receive = (link: Link, messages: readonly unknown[]): void => {
    for (const value of messages) {
      if (!links.has(link)) return
      const message = readWorkerMessage(value)
      if (message === undefined)
        giveUp(link, `not a message of a worker: ${JSON.stringify(value).slice(0, 200)}`)
      else accept(link, message)
    }
  }

  const listen = (): void => {
    const listener = listenPrivately(() =>
      Bun.listen<Link>({
        unix: path,
        socket: {
          open(socket) {
            admit((socket.data = new Link(socket)))
          },
          data: (socket, bytes) => read(socket.data, bytes),
          drain: (socket) => socket.data.flush(),
          close: (socket) => ended(socket.data),
          // Followed by `close`, which is where the link ends.
          error() {},
        },
      }),
    )
    listeners.push(listener)
    if (options.account !== undefined) chownSync(path, options.account.uid, options.account.gid)
  }

  /** The former listener goes on: stopping it would remove the path of the new one, and it has live links. */
  const restore = (): void => {
    if (listeners.length === 0 || closing !== undefined || existsSync(path)) return
    try {
      listen()
    } catch (error) {
      options.onWarning?.(`cannot listen for workers on ${path} any more: ${String(error)}`)
    }
  }

  const stop = async (): Promise<void> => {
    for (const link of links) forget(link)
    for (const listener of listeners) listener.stop(true)
    rmSync(path, { force: true })
  }

  return {
    /** Asked for at each start of a worker: the moment to notice that somebody removed the socket. */
    get path() {
      restore()
      return path
    },
    async start() {
      try {
        listen()
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error)
        throw new ManagerError('LINK_SOCKET_FAILED', { path, reason }, { cause: error })
      }
    },
    close: () => (closing ??= stop()),
    onMessage: (receive) => void receivers.push(receive),
    send(pid, message) {
      const link = byPid.get(pid)
      if (link === undefined || link.send(message)) return
      giveUp(link, `it left more than ${MAX_UNSENT_BYTES} bytes unread`)
    },
  }
}

/** The kernel knows who connected, whatever that process says (unix(7), `SO_PEERCRED`). */
function peerPidByKernel(fd: number): number | undefined {
  return openLibc()?.peerPid(fd)
}

class Link {
  /** Small until the other end has said who it is. */
  decoder: FrameDecoder = new FrameDecoder(MAX_HELLO_BYTES)
  deadline: ReturnType<typeof setTimeout> | undefined
  readonly #socket: Bun.Socket<Link>
  readonly #unsent: Uint8Array[] = []
  #unsentBytes = 0
  pid: number | undefined

  get fd(): number {
    return (this.#socket as Bun.Socket<Link> & { readonly fd?: number }).fd ?? -1
  }

  constructor(socket: Bun.Socket<Link>) {
    this.#socket = socket
  }

  /** False when the peer has stopped reading. */
  send(message: SupervisorMessage): boolean {
    const waiting = this.#unsentBytes > 0
    this.#keep(encodeFrame(message))
    if (!waiting) this.flush()
    return this.#unsentBytes <= MAX_UNSENT_BYTES
  }

  flush(): void {
    if (this.#unsentBytes === 0) return
    const bytes = Buffer.concat(this.#unsent.splice(0))
    this.#unsentBytes = 0
    const written = Math.max(0, this.#socket.write(bytes))
    if (written < bytes.byteLength) this.#keep(bytes.subarray(written))
  }

  #keep(bytes: Uint8Array): void {
    this.#unsent.push(bytes)
    this.#unsentBytes += bytes.byteLength
  }

  introduce(pid: number): void {
    this.pid = pid
    this.decoder.maxBytes = MAX_FRAME_BYTES
    clearTimeout(this.deadline)
  }

  end(): void {
    clearTimeout(this.deadline)
    this.#socket.end()
    // An other end that stays must not hold what it has sent.
    this.decoder = new FrameDecoder()
  }
}
