import type { ByteSocket } from '../transport/byte-socket.ts'
import { peek } from '../transport/peek.ts'

/** What has arrived is read within this time, however much there is to do. */
const READ_WITHIN_MS = 1_000
/** Where `hasUnread` peeks to; the bytes themselves are not used. */
const ONE_BYTE = Buffer.alloc(1)

/** Whether bytes have arrived that the event loop has not read yet. Costs a system call: asked only of connections that may be closed as idle. */
export function hasUnread({ fd }: ByteSocket): boolean {
  return fd !== undefined && peek(fd, ONE_BYTE) > 0
}

/** Whether a connection whose time is up is being asked something: timers run before sockets are read. */
export function isBeingAsked(socket: ByteSocket, overdueMs: number): boolean {
  return overdueMs < READ_WITHIN_MS && hasUnread(socket)
}
