import type { RequestInFlight } from '../exchange/request-in-flight.ts'
import type { ClientIdentity } from '../forwarding/client-identity.ts'
import type { ByteSocket } from '../transport/byte-socket.ts'
import type { Receiver } from '../transport/turn.ts'
import type { TabledConnection } from './connection-table.ts'

/** A client connection, whatever protocol is spoken on it, as its keeper and its socket see it. */
export interface KeptConnection extends TabledConnection, Receiver {
  readonly identity: ClientIdentity
  /** The address connection limits count it for; `undefined` while it belongs to a proxy that named no client. */
  countedFor: string | undefined
  readonly isIdle: boolean

  /** Requests that are being answered. @param nowMs monotonic */
  inFlight(nowMs: number): readonly RequestInFlight[]
  /** Socket event: the TLS handshake succeeded. */
  secured(): void
  /** Socket event: it failed. @param plainHttp as the client spoke HTTP */
  unsecured(plainHttp: boolean): void
  /** Socket event: bytes can be sent again. */
  writable(): void
  /** Socket event: the client stopped sending. */
  ended(): void
  /** Socket event: the connection is gone. */
  closed(): void
  /** Ends at once, with whatever is under way. */
  closeNow(): void
  /** Ends while idle to make room for a new connection, and is not counted from now on. */
  giveWay(): void
}

/** Keeps the client connections. */
export interface ConnectionKeeper {
  /** No new requests are wanted; connections close when they can. */
  readonly isDraining: boolean
  /** When draining began. */
  readonly drainingSince: number
  /** Whether a connection without TLS may begin with the preface of HTTP/2. */
  readonly takesPreface: boolean
  forget(connection: KeptConnection): void
  /** Whether an exchange on it lasts for as long as the client likes. */
  setLasting(connection: KeptConnection, lasting: boolean): void
  /** The client has begun with the preface of HTTP/2: another connection takes its place, and all bytes from the preface on. */
  becomesHttp2(connection: KeptConnection, socket: ByteSocket, bytes: Buffer): void
}
