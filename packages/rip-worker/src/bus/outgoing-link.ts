import { FrameReader, frameOf } from './frame-reader.ts'
import { MAX_MESSAGE_BYTES } from './message.ts'
import { Outbox, type OutboxEvents } from './outbox.ts'
import { isProcess, type PeerPid } from './peer-check.ts'
import { isSameProof, newNonce, NONCE_BYTES, PROOF_BYTES, proofOf } from './proof.ts'

/** Bytes kept for one worker that reads too slowly. */
export const MAX_UNREAD_BYTES: number = 2 * MAX_MESSAGE_BYTES

export interface OutgoingLinkOptions extends OutboxEvents {
  /** Socket of the other worker. */
  readonly path: string
  /** Process of the other worker. */
  readonly pid: number
  readonly ownPid: number
  /** Secret of the instance. */
  readonly key: string
  readonly peerPid: PeerPid | undefined
  readonly keepsAlive: boolean
  /** Called once, at the end, however it came; says whether the other end had proven who it is. */
  readonly onClosed: (wasOpen: boolean) => void
}

/** What this worker publishes, on its way to one other worker. Nothing is sent before that has proven who it is. */
export class OutgoingLink {
  readonly #options: OutgoingLinkOptions
  readonly #outbox: Outbox
  readonly #reader = new FrameReader(Math.max(NONCE_BYTES, PROOF_BYTES))
  readonly #nonce = newNonce()
  #expected: Uint8Array | undefined
  #socket: Bun.Socket<undefined> | undefined
  #state: 'dialling' | 'open' | 'closed' = 'dialling'

  constructor(options: OutgoingLinkOptions) {
    this.#options = options
    this.#outbox = new Outbox(MAX_UNREAD_BYTES, options)
  }

  /** Whether the other end has proven who it is. */
  get isOpen(): boolean {
    return this.#state === 'open'
  }

  /** Messages that the other worker did not get. */
  get dropped(): number {
    return this.#outbox.dropped
  }

  /** Whether nothing waits to be sent. */
  get isDone(): boolean {
    return this.#outbox.waiting === 0
  }

  async dial(): Promise<void> {
    try {
      await Bun.connect<undefined>({
        unix: this.#options.path,
        socket: {
          open: (socket) => this.#connected(socket),
          data: (socket, bytes) => this.#read(socket, bytes),
          drain: () => this.flush(),
          end: () => this.close(),
          close: () => this.close(),
          // Followed by `close`.
          error() {},
        },
      })
    } catch {
      // ENOENT or ECONNREFUSED: it has left. EAGAIN: it does not accept at the moment.
      this.close()
    }
  }

  /** Keeps the message for the next flush; returns false when it was dropped. */
  offer(frame: Uint8Array): boolean {
    return this.#state !== 'closed' && this.#outbox.offer(frame)
  }

  flush(): void {
    if (this.#state !== 'open') return
    this.#outbox.flush((bytes) => this.#socket?.write(bytes) ?? 0)
  }

  close(): void {
    if (this.#state === 'closed') return
    const wasOpen = this.#state === 'open'
    // To a process that never was a worker of this instance, nothing was to be sent.
    if (wasOpen) this.#outbox.abandon()
    this.#state = 'closed'
    this.#socket?.end()
    this.#options.onClosed(wasOpen)
  }

  #connected(socket: Bun.Socket<undefined>): void {
    this.#socket = socket
    if (!this.#options.keepsAlive) socket.unref()
    if (this.#state === 'closed') socket.end()
  }

  /** The other end begins with a nonce; what follows is its proof. */
  #read(socket: Bun.Socket<undefined>, bytes: Uint8Array): void {
    if (this.#state !== 'dialling') return
    const isWhole = this.#reader.push(bytes, (frame) => {
      if (this.#expected === undefined) this.#greet(socket, frame)
      else this.#check(frame, this.#expected)
    })
    if (!isWhole) this.close()
  }

  #greet(socket: Bun.Socket<undefined>, nonce: Uint8Array): void {
    const { pid, ownPid, key, peerPid } = this.#options
    if (nonce.byteLength !== NONCE_BYTES || !isProcess(socket, pid, peerPid)) return this.close()
    const greeting = {
      listener: pid,
      dialler: ownPid,
      listenerNonce: new Uint8Array(nonce),
      diallerNonce: this.#nonce,
    }
    this.#expected = proofOf('listener', key, greeting)
    socket.write(frameOf(helloOf(ownPid, this.#nonce, proofOf('dialler', key, greeting))))
  }

  #check(proof: Uint8Array, expected: Uint8Array): void {
    if (!isSameProof(proof, expected)) return this.close()
    this.#state = 'open'
    this.flush()
  }
}

function helloOf(pid: number, nonce: Uint8Array, proof: Uint8Array): Uint8Array {
  return Buffer.concat([nonce, proof, Buffer.from(String(pid))])
}
