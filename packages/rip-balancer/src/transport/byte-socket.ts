/** What the data plane needs of a connected stream socket. */
export interface ByteSocket {
  /** Its descriptor, where it has one. */
  readonly fd?: number
  /** Hands bytes to the kernel; returns how many it took, -1 when the socket is closed. Nothing is buffered. */
  write(bytes: Uint8Array, from: number, length: number): number
  /** Stops sending: the peer sees the end, and may go on sending. */
  shutdown(): void
  /** Closes both directions. Unread input makes the kernel reset the connection. */
  end(): void
  /** Resets the connection. */
  terminate(): void
  pause(): void
  resume(): void
}
