/** The other end of a socket in memory. */
export interface MemoryPeer {
  /** The balancer has sent this. @returns how many messages are complete with it */
  take(bytes: Uint8Array, from: number, length: number): number
  /** What it sends next, in one read. Each read of a real socket makes a buffer, too. */
  next(): Buffer
}

/** A client or a backend of HTTP/1.1 that sends one message again and again. */
export class Http1Peer implements MemoryPeer {
  private readonly message: Buffer
  private readonly expected: number
  private received = 0

  /** @param expected bytes of a whole message that it is sent, or more: a write of the balancer is a whole one then */
  constructor(message: Buffer, expected: number) {
    this.message = message
    this.expected = expected
  }

  take(_bytes: Uint8Array, _from: number, length: number): number {
    this.received += length
    if (this.received < this.expected) return 0
    this.received = 0
    return 1
  }

  next(): Buffer {
    return copyOf(this.message)
  }
}

/** A buffer of its own, as a read of a socket makes one. */
export function copyOf(bytes: Buffer): Buffer {
  const copy = Buffer.allocUnsafeSlow(bytes.length)
  copy.set(bytes)
  return copy
}
