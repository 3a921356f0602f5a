import { existsSync, rmSync } from 'node:fs'
import {
  encodeFrame,
  FrameDecoder,
  FrameError,
  PROTOCOL_VERSION,
  type SupervisorMessage,
  type WorkerMessage,
} from '@rip/worker/protocol'
import { ManagerError } from '../errors.ts'
import type { WorkerLinks } from '../ports.ts'
import { listenPrivately } from '../listen-privately.ts'
import { isWorkerMessage } from './worker-message.ts'

/** A worker that leaves more than this unread has stopped reading: its link is of no use. */
const MAX_UNSENT_BYTES = 1_048_576

export interface WorkerLinksOptions {
  /** Told, in one sentence, of every connection that was given up because of what it sent. */
  readonly onWarning?: (message: string) => void
}

type Receive = (pid: number, message: WorkerMessage | null) => void

/** Control connections of workers on a Unix socket. A link that misbehaves ends alone. */
export function createWorkerLinks(path: string, options: WorkerLinksOptions = {}): WorkerLinks {
  const links = new Set<Link>()
  const byPid = new Map<number, Link>()
  const receivers: Receive[] = []
  const listeners: Bun.UnixSocketListener<Link>[] = []
  let closing: Promise<void> | undefined

  const deliver: Receive = (pid, message) => {
    if (closing !== undefined) return
    for (const receiver of receivers) receiver(pid, message)
  }

  const accept = (link: Link, message: WorkerMessage): void => {
    if (link.pid !== undefined) return deliver(link.pid, message)
    if (message.type !== 'hello') return giveUp(link, `a "${message.type}" message came before "hello"`)
    if (message.version !== PROTOCOL_VERSION) return refuseVersion(link, message)
    link.pid = message.pid
    // A worker that dials again is heard on its newest link.
    const former = byPid.get(message.pid)
    byPid.set(message.pid, link)
    former?.end()
    deliver(message.pid, message)
  }

  const refuseVersion = (link: Link, hello: { readonly pid: number; readonly version: number }): void => {
    const message =
      `worker process ${hello.pid} speaks version ${hello.version} of the control protocol, ` +
      `this manager version ${PROTOCOL_VERSION}: install the same release of @rip/worker and @rip/manager`
    deliver(hello.pid, { type: 'failed', failure: { kind: 'socket', message } })
    giveUp(link, message)
  }

  const giveUp = (link: Link, reason: string): void => {
    const who = link.pid === undefined ? 'a process that said no hello' : `worker process ${link.pid}`
    if (!links.has(link)) return
    options.onWarning?.(`control link to ${who} closed: ${reason}`)
    link.end()
    ended(link)
  }

  const ended = (link: Link): void => {
    if (!links.delete(link) || link.pid === undefined || byPid.get(link.pid) !== link) return
    byPid.delete(link.pid)
    deliver(link.pid, null)
  }

  const read = (link: Link, bytes: Uint8Array): void => {
    try {
      receive(link, link.decoder.push(bytes))
    } catch (error) {
      if (!(error instanceof FrameError)) throw error
      receive(link, error.messages)
      giveUp(link, error.message)
    }
  }

  const receive = (link: Link, messages: readonly unknown[]): void => {
    for (const message of messages) {
      if (!links.has(link)) return
      if (isWorkerMessage(message)) accept(link, message)
      else giveUp(link, `not a message of a worker: ${JSON.stringify(message).slice(0, 200)}`)
    }
  }

  const listen = (): void => {
    const listener = listenPrivately(() =>
      Bun.listen<Link>({
        unix: path,
        socket: {
          open(socket) {
            socket.data = new Link(socket)
            links.add(socket.data)
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
    for (const link of links) link.end()
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

class Link {
  readonly decoder: FrameDecoder = new FrameDecoder()
  readonly #socket: Bun.Socket<Link>
  readonly #unsent: Uint8Array[] = []
  #unsentBytes = 0
  pid: number | undefined

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

  end(): void {
    this.#socket.end()
  }
}
