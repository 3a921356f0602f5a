type Kind = 'WebSocket' | 'event stream'

const REQUESTS: Readonly<Record<Kind, string>> = {
  WebSocket:
    'GET /socket HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
    'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
  'event stream': 'GET /events HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n',
}
const ANSWERS: Readonly<Record<Kind, string>> = {
  WebSocket: 'HTTP/1.1 101 ',
  'event stream': 'HTTP/1.1 200 ',
}
/** Number of connections opened at once; more would overflow the queue of the listening socket. */
const BATCH = 50
const REFUSED = 'refused'

/** Connections that are opened and then stay silent. */
export class HeldConnections implements Disposable {
  /** Refused, or not answered in time. */
  refused = 0
  /** Closed by the server after they were open. */
  lost = 0
  private readonly open = new Set<{ terminate(): void }>()
  private readonly port: number
  private disposed = false

  constructor(port: number) {
    this.port = port
  }

  get count(): number {
    return this.open.size
  }

  /** Opens that many more connections, as far as possible within the time. */
  async add(kind: Kind, count: number, limitMs: number): Promise<void> {
    const untilMs = performance.now() + limitMs
    for (let left = count; left > 0; left -= BATCH) {
      const batch = Math.min(BATCH, left)
      if (performance.now() > untilMs) this.refused += batch
      else await Promise.all(Array.from({ length: batch }, () => this.addOne(kind, untilMs)))
    }
  }

  [Symbol.dispose](): void {
    this.disposed = true
    for (const socket of this.open) socket.terminate()
    this.open.clear()
  }

  private async addOne(kind: Kind, untilMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<string>()
    const timer = setTimeout(() => resolve(REFUSED), Math.max(0, untilMs - performance.now()))
    const socket = await Bun.connect({
      hostname: '127.0.0.1',
      port: this.port,
      socket: {
        open: (opened) => void opened.write(REQUESTS[kind]),
        data: (_socket, bytes) => resolve(bytes.toString('latin1')),
        close: (closed) => {
          resolve(REFUSED)
          if (this.open.delete(closed) && !this.disposed) this.lost++
        },
      },
    })
    const isOpen = (await promise).startsWith(ANSWERS[kind])
    clearTimeout(timer)
    if (isOpen) this.open.add(socket)
    else socket.terminate()
    if (!isOpen) this.refused++
  }
}
