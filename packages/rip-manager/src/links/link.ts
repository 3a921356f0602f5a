import { encodeFrame, FrameDecoder, MAX_FRAME_BYTES, type SupervisorMessage } from '@rip/worker/protocol'

/** A worker that leaves more than this unread has stopped reading: its link is of no use. */
export const MAX_UNSENT_BYTES = 1_048_576
/** Room for any `hello`. */
const MAX_HELLO_BYTES = 1_024

/** One connection of a worker. */
export class Link {
  /** Small until the other end has said who it is. */
  #decoder = new FrameDecoder(MAX_HELLO_BYTES)
  #deadline: ReturnType<typeof setTimeout> | undefined
  readonly #socket: Bun.Socket<Link>
  readonly #unsent: Uint8Array[] = []
  #unsentBytes = 0
  #pid: number | undefined

  constructor(socket: Bun.Socket<Link>) {
    this.#socket = socket
  }

  /** The process it says it is; `undefined` before its `hello`. */
  get pid(): number | undefined {
    return this.#pid
  }

  get fd(): number {
    return (this.#socket as Bun.Socket<Link> & { readonly fd?: number }).fd ?? -1
  }

  /** Calls back when there is no `hello` in time. */
  expectHello(withinMs: number, onSilence: () => void): void {
    this.#deadline = setTimeout(onSilence, withinMs)
  }

  introduce(pid: number): void {
    this.#pid = pid
    this.#decoder.maxBytes = MAX_FRAME_BYTES
    clearTimeout(this.#deadline)
  }

  /** Messages that are complete with these bytes. @throws FrameError with the messages before what is no frame */
  read(bytes: Uint8Array): readonly unknown[] {
    return this.#decoder.push(bytes)
  }

  /** Returns false when the peer has stopped reading. */
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
    clearTimeout(this.#deadline)
    this.#socket.end()
    // The other end may stay connected: what it has sent must not be kept for it.
    this.#decoder = new FrameDecoder()
  }
}
