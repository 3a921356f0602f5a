import { INCOMPLETE } from '../http1/field-section.ts'
import type { ByteSocket } from '../transport/byte-socket.ts'
import { peek, take } from '../transport/peek.ts'
import type { Turn } from '../transport/turn.ts'
import { MAX_HEADER_BYTES, ProxyHeader } from './proxy-header.ts'

/** The first wait for bytes; each further one is twice as long, up to the last. */
const FIRST_WAIT_MS = 1
const LAST_WAIT_MS = 64

const seen = Buffer.allocUnsafeSlow(MAX_HEADER_BYTES + 1)

/**
 * The PROXY header of a TLS connection. It comes in plain, in front of the handshake, so it is taken from the socket
 * itself, which is paused meanwhile: the runtime would read it as a part of the handshake.
 */
export class PlainProxyHeader implements Disposable {
  private readonly socket: ByteSocket
  private readonly turn: Turn
  private readonly done: (header: ProxyHeader | undefined) => void
  private waitMs = FIRST_WAIT_MS
  private timer: ReturnType<typeof setTimeout> | undefined

  /** @param done called once, with the header, or `undefined` when there is none */
  constructor(socket: ByteSocket, turn: Turn, done: (header: ProxyHeader | undefined) => void) {
    this.socket = socket
    this.turn = turn
    this.done = done
    socket.pause()
    this.wait()
  }

  [Symbol.dispose](): void {
    clearTimeout(this.timer)
  }

  private wait(): void {
    this.timer = setTimeout(() => this.turn.run(() => this.look()), this.waitMs)
    this.waitMs = Math.min(2 * this.waitMs, LAST_WAIT_MS)
  }

  private look(): void {
    const { fd } = this.socket
    if (fd === undefined) return this.done(undefined)
    const length = peek(fd, seen)
    if (length < 0) return this.wait()
    const header = new ProxyHeader()
    const end = header.feed(seen.subarray(0, length), 0)
    if (end === INCOMPLETE && length > 0) return this.wait()
    if (end < 0) return this.done(undefined)
    take(fd, end)
    this.socket.resume()
    this.done(header)
  }
}
