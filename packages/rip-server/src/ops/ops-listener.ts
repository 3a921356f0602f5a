import { type ListenAddress, type ListenSocket, duplicateListenSocket } from '@rip/manager'
import { opsAnswer, type OpsAnswer, type OpsSources, plain } from './ops-answers.ts'
import { MAX_HEAD_BYTES, type OpsRequest, readOpsRequest } from './ops-request.ts'

/** Connections at once: when one more comes, the oldest is closed, so that neither descriptors nor probes run short. */
const MAX_CONNECTIONS = 64
/** A connection has so long to ask and to read the answer. */
const MAX_CONNECTION_MS = 10_000
const SWEEP_MS = 1_000

const REASONS: Readonly<Record<OpsAnswer['status'], string>> = {
  200: 'OK',
  400: 'Bad Request',
  404: 'Not Found',
  405: 'Method Not Allowed',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
}

interface Connection {
  readonly openedMs: number
  head: string
  isAsked: boolean
  /** What the client has not taken yet; `undefined` before the answer. */
  unsent: Uint8Array | undefined
}

export interface OpsListenerOptions extends OpsSources {
  /** Where it listens; a socket when other processes accept from it, too, else an address that is bound here. */
  readonly socket: ListenSocket | undefined
  readonly address: ListenAddress
}

/**
 * HTTP for probes and scrapers: one request for each connection, so that no connection outlives the process that has it,
 * and a successor that accepts from the same socket gets the next one.
 */
export class OpsListener implements AsyncDisposable {
  readonly #options: OpsListenerOptions
  readonly #connections = new Set<Bun.Socket<Connection>>()
  #server: Bun.SocketListener<Connection> | undefined
  #timer: ReturnType<typeof setInterval> | undefined
  #isClosed = false
  /** Scrapers that come at once share what is rendered for the first one. */
  #rendering: Promise<string> | undefined

  constructor(options: OpsListenerOptions) {
    this.#options = options
  }

  /** Where it is reached, with the real port. */
  get address(): ListenAddress {
    return this.#options.socket?.address ?? this.#options.address
  }

  /** Answers from now on. Idempotent; does nothing once it was closed. */
  accept(): void {
    if (this.#isClosed || this.#server !== undefined) return
    this.#server = this.#listen()
    this.#timer = setInterval(() => this.#sweep(), SWEEP_MS)
    this.#timer.unref()
  }

  /** The socket is a successor's from now on: connections that wait in its queue are answered there. */
  handOver(): void {
    this.#options.socket?.disown()
    this.#server?.stop()
    this.#server = undefined
  }

  async close(): Promise<void> {
    this.#isClosed = true
    clearInterval(this.#timer)
    this.#server?.stop()
    this.#server = undefined
    for (const socket of this.#connections) socket.terminate()
    await this.#options.socket?.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #listen(): Bun.SocketListener<Connection> {
    const { socket, address } = this.#options
    const handlers: Bun.SocketHandler<Connection> = {
      open: (connection) => this.#opened(connection),
      data: (connection, bytes) => this.#read(connection, bytes),
      drain: (connection) => send(connection),
      close: (connection) => void this.#connections.delete(connection),
      // The client has gone.
      error() {},
    }
    // The listener closes its descriptor when it stops; that of the socket is closed with the socket.
    const fd = socket && duplicateListenSocket(socket)
    // Its types mention a descriptor for connections only.
    if (fd !== undefined) return Bun.listen<Connection>({ socket: handlers, fd } as never)
    return 'unix' in address
      ? Bun.listen<Connection>({ socket: handlers, unix: address.unix })
      : Bun.listen<Connection>({ socket: handlers, hostname: address.host, port: address.port })
  }

  #opened(connection: Bun.Socket<Connection>): void {
    const [oldest] = this.#connections
    if (this.#connections.size >= MAX_CONNECTIONS && oldest !== undefined) {
      this.#connections.delete(oldest)
      oldest.terminate()
    }
    connection.data = { openedMs: performance.now(), head: '', isAsked: false, unsent: undefined }
    this.#connections.add(connection)
  }

  #sweep(): void {
    const beforeMs = performance.now() - MAX_CONNECTION_MS
    for (const connection of this.#connections)
      if (connection.data.openedMs < beforeMs) connection.terminate()
  }

  #read(connection: Bun.Socket<Connection>, bytes: Uint8Array): void {
    const { data } = connection
    // What follows the head of the only request is not read.
    if (data.isAsked) return
    data.head += Buffer.from(bytes.subarray(0, MAX_HEAD_BYTES - data.head.length)).toString('latin1')
    const request = readOrRefuse(data.head)
    if (request === undefined) return
    data.isAsked = true
    void this.#answer(connection, request)
  }

  async #answer(connection: Bun.Socket<Connection>, request: OpsRequest | 'refused'): Promise<void> {
    const answer =
      request === 'refused' ? plain(400, 'this is no request of HTTP/1') : await this.#answerTo(request)
    const isHead = request !== 'refused' && request.method === 'HEAD'
    connection.data.unsent = messageOf(answer, isHead)
    send(connection)
  }

  async #answerTo(request: OpsRequest): Promise<OpsAnswer> {
    const { unreadiness } = this.#options
    try {
      return await opsAnswer(request, { unreadiness, metrics: () => this.#metrics() })
    } catch (error) {
      return plain(500, String(error))
    }
  }

  #metrics(): Promise<string> {
    return (this.#rendering ??= this.#options.metrics().finally(() => (this.#rendering = undefined)))
  }
}

function readOrRefuse(head: string): OpsRequest | 'refused' | undefined {
  try {
    return readOpsRequest(head)
  } catch {
    return 'refused'
  }
}

function messageOf({ status, type, body }: OpsAnswer, isHead: boolean): Uint8Array {
  const bytes = Buffer.from(body)
  const head = [
    `HTTP/1.1 ${status} ${REASONS[status]}`,
    `Content-Type: ${type}`,
    `Content-Length: ${bytes.length}`,
    'Cache-Control: no-store',
    `Date: ${new Date().toUTCString()}`,
    ...(status === 405 ? ['Allow: GET, HEAD'] : []),
    'Connection: close',
    '\r\n',
  ].join('\r\n')
  return Buffer.concat([Buffer.from(head, 'latin1'), ...(isHead ? [] : [bytes])])
}

/** Hands over what fits, the rest when there is room again, and then closes. */
function send(connection: Bun.Socket<Connection>): void {
  const { unsent } = connection.data
  if (unsent === undefined) return
  const sent = Math.max(0, connection.write(unsent))
  connection.data.unsent = unsent.subarray(sent)
  if (sent === unsent.length) connection.end()
}
