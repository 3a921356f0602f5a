import type { BackendAddress } from '../address/backend-address.ts'
import type { BackendTlsSettings } from '../tls/backend-tls.ts'
import { identityError, securedDial } from '../tls/peer-identity.ts'
import { isUnverified, tlsFailure } from '../tls/tls-failure.ts'
import type { ByteSocket } from '../transport/byte-socket.ts'
import { lacksDescriptors } from '../transport/descriptor-limit.ts'
import type { Turn } from '../transport/turn.ts'
import { isSystemError } from '../transport/system-error.ts'
import { enlargeSendBuffer } from '../transport/send-buffer.ts'
import type { DialedConnection } from './dialed-connection.ts'
import type { UpstreamFailure } from './response-sink.ts'

/** The most the runtime reads at once: with the kernel's default an upload stops twice in each (`bench/proxy`). */
const UNIX_SEND_BUFFER_BYTES = 512 * 1024

/** Ties a socket that is being connected to its connection object, which may have been given up meanwhile. */
export class DialedSocket implements ByteSocket {
  connection: DialedConnection | undefined
  readonly turn: Turn
  /** Whether a backend that does not prove its identity gets no request. */
  verifies = true
  /** Address its certificate has to name, which the runtime does not check. */
  identity: string | undefined
  private socket: Bun.Socket<DialedSocket> | undefined
  private givenUp = false
  private wantsPause = false

  constructor(turn: Turn) {
    this.turn = turn
  }

  write(bytes: Uint8Array, from: number, length: number): number {
    return this.socket === undefined ? 0 : this.socket.write(bytes, from, length)
  }

  shutdown(): void {
    this.socket?.shutdown()
  }

  /** With TLS the runtime's `end` would wait for the backend to say the same. */
  end(): void {
    this.givenUp = true
    this.socket?.shutdown()
    this.socket?.close()
  }

  terminate(): void {
    this.givenUp = true
    this.socket?.terminate()
  }

  pause(): void {
    this.wantsPause = true
    this.socket?.pause()
  }

  resume(): void {
    this.wantsPause = false
    this.socket?.resume()
  }

  opened(socket: Bun.Socket<DialedSocket>): void {
    this.connected(socket)
    if (!this.givenUp) this.connection?.opened()
  }

  /** There is a connection, on which TLS may be yet to begin. */
  connected(socket: Bun.Socket<DialedSocket>): void {
    this.socket = socket
    if (this.givenUp) return socket.terminate()
    if (this.wantsPause) socket.pause()
  }
}

const handlers: Bun.SocketHandler<DialedSocket> = {
  open: (socket) => socket.data.turn.run(() => socket.data.opened(socket)),
  data({ data }, chunk) {
    if (data.connection !== undefined) data.turn.received(data.connection, chunk)
  },
  drain: ({ data }) => data.turn.run(() => data.connection?.writable()),
  end: ({ data }) => data.turn.run(() => data.connection?.ended()),
  close: ({ data }) => data.turn.run(() => data.connection?.lost('reset')),
  error: ({ data }, error) =>
    data.turn.run(() => {
      if (isSystemError(error)) data.connection?.lost('reset')
      else data.connection?.failed(error)
    }),
}

const tlsHandlers: Bun.SocketHandler<DialedSocket> = {
  ...handlers,
  open: (socket) => socket.data.connected(socket),
  handshake: (socket, succeeded, error) =>
    socket.data.turn.run(() => {
      const { data } = socket
      const isTaken = succeeded || (!data.verifies && isUnverified(error))
      if (isTaken && data.identity === undefined) return data.opened(socket)
      const failure = isTaken ? identityError(socket, data.identity!, error) : error
      if (failure === undefined) return data.opened(socket)
      data.connection?.lost('connect-failed', tlsFailure(failure))
    }),
  error: ({ data }, error) =>
    data.turn.run(() => {
      // An alert, such as that a certificate of ours is missing: in TLS 1.3 it comes after the handshake.
      if (isTlsError(error)) data.connection?.lost('reset', tlsFailure(error))
      else if (isSystemError(error)) data.connection?.lost('reset')
      else data.connection?.failed(error)
    }),
}

function isTlsError(error: Error): boolean {
  return (error as NodeJS.ErrnoException).code === 'EPROTO'
}

const unixHandlers: Bun.SocketHandler<DialedSocket> = {
  ...handlers,
  open(socket) {
    const { fd } = socket as typeof socket & ByteSocket
    if (fd !== undefined) enlargeSendBuffer(fd, UNIX_SEND_BUFFER_BYTES)
    socket.data.turn.run(() => socket.data.opened(socket))
  },
}

/**
 * Starts to connect; the outcome is passed to `dialed.connection`, never before this function returns. With TLS the
 * connection counts as made when the backend has proved its identity.
 */
export function dial(address: BackendAddress, dialed: DialedSocket, tls: BackendTlsSettings): void {
  connect(address, dialed, tls).catch((error: unknown) =>
    dialed.turn.run(() => dialed.connection?.lost(failureOf(error), reasonOf(error))),
  )
}

async function connect(address: BackendAddress, data: DialedSocket, tls: BackendTlsSettings): Promise<void> {
  const options = { socket: handlers, data, allowHalfOpen: true }
  if (address.kind === 'unix') {
    await Bun.connect({ ...options, socket: unixHandlers, unix: address.path })
    return
  }
  const place = { hostname: address.host, port: address.port }
  if (address.tls === undefined) {
    await Bun.connect({ ...options, ...place })
    return
  }
  const { options: secure, identity } = securedDial(tls.optionsFor(address.tls), address.host)
  data.verifies = secure.rejectUnauthorized
  data.identity = identity
  await Bun.connect({ ...options, ...place, socket: tlsHandlers, tls: secure })
}

/** What the most frequent codes of the system mean. */
const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ENOENT: 'its socket does not exist',
}

function reasonOf(error: unknown): string {
  const { code = '', message } = error as NodeJS.ErrnoException
  return REASONS[code] ?? (message.includes(code) ? message : `${message} (${code})`)
}

/** Running out of descriptors or local ports says nothing about the backend. */
function failureOf(error: unknown): UpstreamFailure {
  const code = (error as { code?: string }).code
  const isLocal = code === 'EADDRNOTAVAIL' || code === 'ENOBUFS' || code === 'ENOMEM' || lacksDescriptors()
  return isLocal ? 'local-failure' : 'connect-failed'
}
