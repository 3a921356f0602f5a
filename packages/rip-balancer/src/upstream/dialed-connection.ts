import type { Receiver } from '../transport/turn.ts'
import type { UpstreamFailure } from './response-sink.ts'

/** What the socket of a backend reports to. */
export interface DialedConnection extends Receiver {
  /** The backend accepted the connection, and has proved who it is where TLS is spoken. */
  opened(): void
  /** The socket takes bytes again. */
  writable(): void
  /** The backend stopped sending. */
  ended(): void
  /** The connection is gone, or was never made. @param reason what the system or TLS said, where they did */
  lost(failure: UpstreamFailure, reason?: string): void
}
