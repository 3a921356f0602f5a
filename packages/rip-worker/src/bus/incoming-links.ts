import { setTimeout } from '../own-timers.ts'
import { replacingStaleSocket } from '../serve/stale-socket.ts'
import { FrameReader, frameOf } from './frame-reader.ts'
import { decodeMessage, MAX_MESSAGE_BYTES, type Message } from './message.ts'
import { isProcess, type PeerPid } from './peer-check.ts'
import { isSameProof, newNonce, NONCE_BYTES, PROOF_BYTES, proofOf } from './proof.ts'

/** Other workers that are heard; more than any machine runs of one instance. */
const MAX_LINKS = 1_024
/** Connections that have not proven who they are. */
const MAX_STRANGERS = 64
const GREETING_TIMEOUT_MS = 5_000
/** Bytes of messages that have not arrived whole, of all other workers together. */
const MAX_PENDING_BYTES = 8 * MAX_MESSAGE_BYTES
/** So little is not counted there. */
const SMALL_BYTES = 65_536
const PID_CHARS = 10
const HELLO_BYTES = NONCE_BYTES + PROOF_BYTES + PID_CHARS

export interface IncomingLinksOptions {
  /** Where to listen. */
  readonly path: string
  readonly ownPid: number
  /** Secret of the instance. */
  readonly key: string
  readonly peerPid: PeerPid | undefined
  readonly keepsAlive: boolean
  readonly onMessage: (message: Message) => void
  /** Another worker has proven who it is. */
  readonly onWorker: (pid: number) => void
}

/** One connection of another worker. */
interface Incoming {
  readonly socket: Bun.Socket<Incoming>
  readonly reader: FrameReader
  readonly nonce: Uint8Array
  readonly deadline: ReturnType<typeof setTimeout>
  /** Undefined before it has proven who it is. */
  pid: number | undefined
}

/** What other workers publish. Takes nothing from a process that does not know the secret of the instance. */
export class IncomingLinks {
  readonly #options: IncomingLinksOptions
  readonly #links = new Set<Incoming>()
  readonly #byPid = new Map<number, Incoming>()
  #listener: Bun.UnixSocketListener<Incoming> | undefined

  constructor(options: IncomingLinksOptions) {
    this.#options = options
  }

  /** Whether this worker is heard by that process. */
  has(pid: number): boolean {
    return this.#byPid.has(pid)
  }

  /** Listens, also when it did before and the socket is gone from its folder. */
  async listen(): Promise<void> {
    const unix = this.#options.path
    this.#listener?.stop()
    this.#listener = await replacingStaleSocket({ unix }, () => this.#listen(unix))
    if (!this.#options.keepsAlive) this.#listener.unref()
  }

  close(): void {
    this.#listener?.stop(true)
    for (const link of this.#links) this.#end(link)
  }

  #listen(unix: string): Bun.UnixSocketListener<Incoming> {
    return Bun.listen<Incoming>({
      unix,
      socket: {
        open: (socket) => this.#admit(socket),
        data: (socket, bytes) => this.#read(socket.data, bytes),
        end: (socket) => this.#end(socket.data),
        close: (socket) => this.#end(socket.data),
        // Followed by `close`.
        error() {},
      },
    })
  }

  #admit(socket: Bun.Socket<Incoming>): void {
    const link: Incoming = {
      socket,
      reader: new FrameReader(HELLO_BYTES),
      nonce: newNonce(),
      deadline: setTimeout(() => this.#end(link), GREETING_TIMEOUT_MS),
      pid: undefined,
    }
    socket.data = link
    if (!this.#options.keepsAlive) {
      socket.unref()
      link.deadline.unref()
    }
    this.#links.add(link)
    if (this.#links.size > MAX_LINKS) return this.#end(link)
    socket.write(frameOf(link.nonce))
    this.#endOldestStranger()
  }

  /** A worker proves at once who it is, so that the oldest is the one to give its place. */
  #endOldestStranger(): void {
    const strangers = [...this.#links].filter(({ pid }) => pid === undefined)
    if (strangers.length > MAX_STRANGERS) this.#end(strangers[0]!)
  }

  #read(link: Incoming, bytes: Uint8Array): void {
    if (!this.#links.has(link)) return
    const isWhole = link.reader.push(bytes, (frame) => this.#take(link, frame))
    if (!isWhole || this.#isTooMuch(link)) this.#end(link)
  }

  #isTooMuch({ reader }: Incoming): boolean {
    if (reader.pendingBytes <= SMALL_BYTES) return false
    let bytes = 0
    for (const link of this.#links) bytes += link.reader.pendingBytes
    return bytes > MAX_PENDING_BYTES
  }

  #take(link: Incoming, frame: Uint8Array): void {
    if (!this.#links.has(link)) return
    if (link.pid === undefined) return this.#greet(link, frame)
    const message = decodeMessage(frame)
    if (message === undefined) return this.#end(link)
    this.#options.onMessage(message)
  }

  #greet(link: Incoming, hello: Uint8Array): void {
    const { ownPid, key, peerPid } = this.#options
    const pid = pidIn(hello)
    const diallerNonce = hello.subarray(0, NONCE_BYTES)
    const proof = hello.subarray(NONCE_BYTES, NONCE_BYTES + PROOF_BYTES)
    if (pid === undefined || !isProcess(link.socket, pid, peerPid)) return this.#end(link)
    const greeting = { listener: ownPid, dialler: pid, listenerNonce: link.nonce, diallerNonce }
    if (!isSameProof(proof, proofOf('dialler', key, greeting))) return this.#end(link)
    this.#introduce(link, pid)
    link.socket.write(frameOf(proofOf('listener', key, greeting)))
    this.#options.onWorker(pid)
  }

  /** A worker that dials again is heard on its newest link. */
  #introduce(link: Incoming, pid: number): void {
    clearTimeout(link.deadline)
    const former = this.#byPid.get(pid)
    link.pid = pid
    link.reader.maxBytes = MAX_MESSAGE_BYTES
    this.#byPid.set(pid, link)
    if (former !== undefined) this.#end(former)
  }

  #end(link: Incoming): void {
    if (!this.#links.delete(link)) return
    clearTimeout(link.deadline)
    if (link.pid !== undefined && this.#byPid.get(link.pid) === link) this.#byPid.delete(link.pid)
    link.socket.end()
  }
}

function pidIn(hello: Uint8Array): number | undefined {
  const text = Buffer.from(hello.subarray(NONCE_BYTES + PROOF_BYTES)).toString('latin1')
  return /^[1-9]\d*$/.test(text) ? Number(text) : undefined
}
