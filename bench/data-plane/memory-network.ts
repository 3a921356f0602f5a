import type { MemoryPeer } from './memory-peer.ts'

/** Members of the options of `Bun.listen` and `Bun.connect` that are called here. */
interface Handlers {
  open(socket: MemorySocket): void
  data(socket: MemorySocket, chunk: Buffer): void
}

/** A socket as far as the balancer uses one. What is written is given to its peer, and gone. */
class MemorySocket {
  data: unknown
  readonly remoteAddress = '127.0.0.1'
  readonly remotePort = 50_000
  private readonly handlers: Handlers
  private readonly peer: MemoryPeer
  private readonly complete: MemorySocket[]
  private readonly closed: () => void
  private isComplete = false
  /** Messages that the peer has got. */
  messages = 0

  /**
   * @param complete where the socket is put when its peer has a whole message
   * @param closed the balancer has closed the connection
   */
  constructor(
    handlers: Handlers,
    data: unknown,
    peer: MemoryPeer,
    complete: MemorySocket[],
    closed: () => void,
  ) {
    this.handlers = handlers
    this.data = data
    this.peer = peer
    this.complete = complete
    this.closed = closed
  }

  open(): void {
    this.handlers.open(this)
  }

  /** The balancer reads what the peer sends. */
  deliver(): void {
    this.isComplete = false
    this.messages = 0
    this.handlers.data(this, this.peer.next())
  }

  write(bytes: Uint8Array, from: number, length: number): number {
    this.messages += this.peer.take(bytes, from, length)
    if (this.messages === 0 || this.isComplete) return length
    this.isComplete = true
    this.complete.push(this)
    return length
  }

  pause(): void {}

  resume(): void {}

  shutdown(): void {}

  end(): void {
    this.closed()
  }

  close(): void {
    this.closed()
  }

  terminate(): void {
    this.closed()
  }
}

/** Makes the peers of connections. */
export interface Peers {
  client(): MemoryPeer
  worker(): MemoryPeer
}

/**
 * Clients and backends in the process of the balancer: no kernel, no native code of sockets. What is ready is delivered in one
 * turn of the event loop, as `epoll_wait` would return it, and answered in the next one.
 *
 * It takes the place of `Bun.listen` for TCP and of `Bun.connect`: one network for each process.
 */
export class MemoryNetwork {
  /** Answers that clients have got. */
  answered = 0
  private readonly peers: Peers
  private clientHandlers: Handlers | undefined
  private clients: MemorySocket[] = []
  private backends: MemorySocket[] = []
  /** Those of the turn that is delivered. */
  private readyClients: MemorySocket[] = []
  private readyBackends: MemorySocket[] = []

  constructor(peers: Peers) {
    this.peers = peers
    const { listen } = Bun
    const listenInMemory = (options: { readonly unix?: string; readonly socket: Handlers }): unknown => {
      if (options.unix !== undefined) return listen(options as never)
      this.clientHandlers = options.socket
      return { port: 1, fd: 0, stop() {} }
    }
    const connectInMemory = async ({ socket, data }: { socket: Handlers; data: unknown }): Promise<void> => {
      await Promise.resolve()
      new MemorySocket(socket, data, this.peers.worker(), this.backends, nothing).open()
    }
    Object.assign(Bun, { listen: listenInMemory, connect: connectInMemory })
  }

  /** Opens connections, each of which sends its first request in the next turn. */
  openClients(count: number): void {
    for (let n = 0; n < count; n++) {
      const client = new MemorySocket(
        this.clientHandlers!,
        undefined,
        this.peers.client(),
        this.clients,
        refuse,
      )
      client.open()
      this.clients.push(client)
    }
  }

  /** Lets the clients ask until they have got so many more answers. */
  async exchange(answers: number): Promise<void> {
    const enough = this.answered + answers
    while (this.answered < enough) {
      this.deliver()
      await new Promise(setImmediate)
    }
  }

  private deliver(): void {
    const { readyClients, readyBackends } = this
    for (const { messages } of this.clients) this.answered += messages
    take(this.clients, readyClients)
    take(this.backends, readyBackends)
    for (const client of readyClients) client.deliver()
    for (const backend of readyBackends) backend.deliver()
  }
}

/** Moves all of one list to another one that is used again. */
function take(from: MemorySocket[], to: MemorySocket[]): void {
  to.length = 0
  for (const each of from) to.push(each)
  from.length = 0
}

/** Of connections to backends those that are unused are closed. */
function nothing(): void {}

function refuse(): never {
  throw new Error('the balancer has closed the connection of a client')
}
