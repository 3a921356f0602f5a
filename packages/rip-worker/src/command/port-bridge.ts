import { connect, createServer, type Server, type Socket } from 'node:net'

/**
 * Passes every connection to the worker's socket on to a TCP port of this machine, byte for byte: for a program that
 * can only listen on a port.
 */
export class PortBridge implements Disposable {
  readonly #server: Server
  readonly #clients = new Set<Socket>()

  private constructor(port: number, host: string) {
    this.#server = createServer({ allowHalfOpen: true }, (client) => this.#pass(client, port, host))
  }

  /** Resolves when the socket accepts connections. @throws what listening throws */
  static async open(socket: string, { port, host }: { port: number; host: string }): Promise<PortBridge> {
    const bridge = new PortBridge(port, host)
    const listening = Promise.withResolvers<void>()
    bridge.#server.once('error', listening.reject)
    bridge.#server.listen(socket, listening.resolve)
    await listening.promise
    return bridge
  }

  /** Connections that are open. The balancer closes those of a worker that leaves when their response has ended. */
  get open(): number {
    return this.#clients.size
  }

  [Symbol.dispose](): void {
    this.#server.close()
    for (const client of this.#clients) client.destroy()
  }

  /** The program hears of a client once that has asked something: some write lines about connections without a request. */
  #pass(client: Socket, port: number, host: string): void {
    this.#clients.add(client)
    let program: Socket | undefined
    const end = (): void => {
      this.#clients.delete(client)
      client.destroy()
      program?.destroy()
    }
    client.on('error', end).on('close', end)
    client.once('end', () => program ?? end())
    client.once('data', (first) => {
      program = connect({ port, host, allowHalfOpen: true, noDelay: true })
      program.on('error', end).on('close', end)
      program.write(first)
      client.pipe(program)
      program.pipe(client)
    })
  }
}
