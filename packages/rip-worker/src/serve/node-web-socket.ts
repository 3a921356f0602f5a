import type { Duplex } from 'node:stream'
import { DRAIN_POLL_MS } from '../defaults.ts'
import { setInterval, setTimeout } from '../own-timers.ts'
import { WebSocketFrames } from './web-socket-frames.ts'

type Write = (chunk: Uint8Array | string, ...rest: unknown[]) => boolean

/** The WebSocket that `ws`, Bun's own and that of npm, keeps on its connection. */
interface LibrarySocket {
  close(code: number, reason: string): void
  terminate(): void
}

/** RFC 6455 section 7.4 and the IANA registry. */
const SERVICE_RESTART = 1012
const REASON = 'service restart'

/** RFC 6455 section 5.5.1: a close frame as servers send it. */
const CLOSE_FRAME = Uint8Array.of(
  0x88,
  2 + REASON.length,
  SERVICE_RESTART >> 8,
  SERVICE_RESTART & 0xff,
  ...new TextEncoder().encode(REASON),
)

/** RFC 6455 section 4.2.2: with any other status the connection stays one of HTTP. */
const SWITCHED = /^HTTP\/1\.1 101 /
const MAX_HEAD_LENGTH = 16_384

/**
 * A connection that an application of `node:http` may turn into a WebSocket. Its client can be told to connect again: by
 * the library that the application uses, if that is `ws`, else by a close frame between those of the application. For
 * this it reads along what the application writes: the handshake may take its time, and a proxy may write a frame in
 * pieces.
 */
export class NodeWebSocket {
  readonly #socket: Duplex
  readonly #answerMs: number
  readonly #write: Write
  readonly #frames = new WebSocketFrames()
  /** What was written of the handshake; undefined once that is complete. */
  #head: string | undefined = ''
  #restart: 'no' | 'due' | 'told' = 'no'
  #deadline: NodeJS.Timeout | undefined
  #poll: NodeJS.Timeout | undefined

  /** @param answerMs how long it may take until the connection has ended, once the client is to connect again */
  constructor(socket: Duplex, answerMs: number) {
    this.#socket = socket
    this.#answerMs = answerMs
    this.#write = socket.write.bind(socket) as Write
    socket.write = this.#follow.bind(this) as Duplex['write']
    socket.once('close', () => this.#ended())
  }

  /**
   * Asks the client to connect again. Cuts the connection if the client does not answer, or the application never accepts
   * it. More calls do nothing.
   */
  restart(): void {
    if (this.#restart !== 'no') return
    this.#restart = 'due'
    this.#deadline = setTimeout(() => this.terminate(), this.#answerMs)
    this.#tell()
    // Bun's own `ws` does not write its handshake to the socket.
    if (this.#isDue) this.#poll = setInterval(() => this.#tell(), DRAIN_POLL_MS)
  }

  terminate(): void {
    this.#library?.terminate()
    this.#socket.destroy()
  }

  get #isDue(): boolean {
    return this.#restart === 'due'
  }

  get #library(): LibrarySocket | undefined {
    const key = Object.getOwnPropertySymbols(this.#socket).find(
      ({ description }) => description === 'websocket',
    )
    const found = key && (this.#socket as unknown as Record<symbol, Partial<LibrarySocket> | undefined>)[key]
    return typeof found?.close === 'function' ? (found as LibrarySocket) : undefined
  }

  #follow(chunk: Uint8Array | string, ...rest: unknown[]): boolean {
    const written = this.#write(chunk, ...rest)
    this.#read(typeof chunk === 'string' ? Buffer.from(chunk, rest[0] as BufferEncoding | undefined) : chunk)
    if (this.#isDue) queueMicrotask(() => this.#tell())
    return written
  }

  #read(bytes: Uint8Array): void {
    if (this.#restart === 'told') return
    this.#frames.push(this.#head === undefined ? bytes : this.#afterHead(this.#head, bytes))
  }

  #afterHead(before: string, bytes: Uint8Array): Uint8Array {
    const head = before + Buffer.from(bytes).toString('latin1')
    const end = head.indexOf('\r\n\r\n')
    if (end < 0 || !SWITCHED.test(head)) {
      this.#head = head.slice(0, MAX_HEAD_LENGTH)
      return bytes.subarray(bytes.length)
    }
    this.#head = undefined
    return bytes.subarray(end + 4 - before.length)
  }

  #tell(): void {
    const library = this.#library
    const isBetweenFrames = this.#head === undefined && this.#frames.isComplete
    if (!this.#isDue || (library === undefined && !isBetweenFrames)) return
    this.#restart = 'told'
    clearInterval(this.#poll)
    if (library === undefined) this.#write(CLOSE_FRAME)
    else library.close(SERVICE_RESTART, REASON)
  }

  #ended(): void {
    clearInterval(this.#poll)
    clearTimeout(this.#deadline)
  }
}
