import type { Backend } from './backend.ts'

/** What a backend's own socket path is followed by where it listens for notices. */
export const NOTICES_SUFFIX = '.left'

/** A backend that takes no notices for so many bytes gets no more until it does. */
const MAX_WAITING_BYTES = 256 * 1024

/** One request whose client has ended its side of the connection, and waits for the answer or has left. */
export interface Departure {
  readonly requestId: string
  /** Address of the client as in `X-Real-IP`; `-` where there is none. */
  readonly address: string
  /** Port of the client as in `X-Real-Port`; 0 where there is none. */
  readonly port: number
}

/**
 * Tells backends that clients have left. A connection that carries a request cannot: most servers take its half-close
 * for the end of the response as well. Each backend on a Unix socket may listen at its path with `NOTICES_SUFFIX`; it is
 * sent one line for each departure, `REQUEST-ID ADDRESS PORT`, which together name one request. A backend that does not
 * listen is told nothing.
 */
export class DepartureNotices {
  private readonly links = new Map<Backend, Link>()

  tell(backend: Backend, { requestId, address, port }: Departure): void {
    if (backend.address.kind !== 'unix') return
    this.linkTo(backend, backend.address.path).send(`${requestId} ${address} ${port}\n`)
  }

  /** The backend takes no more requests. */
  retire(backend: Backend): void {
    this.links.get(backend)?.close()
    this.links.delete(backend)
  }

  close(): void {
    for (const backend of this.links.keys()) this.retire(backend)
  }

  private linkTo(backend: Backend, path: string): Link {
    const known = this.links.get(backend)
    if (known?.isOpen === true) return known
    const link = new Link(path + NOTICES_SUFFIX)
    this.links.set(backend, link)
    return link
  }
}

/** A connection to one backend, which opens itself. */
class Link {
  isOpen = true
  private socket: Bun.Socket<undefined> | undefined
  private waiting: Buffer[] = []
  private waitingBytes = 0

  constructor(path: string) {
    void this.connect(path)
  }

  send(line: string): void {
    if (this.waitingBytes > MAX_WAITING_BYTES) return
    const bytes = Buffer.from(line, 'latin1')
    this.waiting.push(bytes)
    this.waitingBytes += bytes.length
    this.flush()
  }

  close(): void {
    this.isOpen = false
    this.waiting = []
    this.socket?.terminate()
  }

  private async connect(path: string): Promise<void> {
    try {
      this.socket = await Bun.connect({
        unix: path,
        socket: {
          data() {},
          drain: () => this.flush(),
          close: () => this.close(),
          error: () => this.close(),
        },
      })
    } catch {
      // The backend does not listen for notices.
      return this.close()
    }
    if (this.isOpen) this.flush()
    else this.socket.terminate()
  }

  private flush(): void {
    while (this.socket !== undefined && this.waiting.length > 0) {
      const [first] = this.waiting
      const taken = Math.max(0, this.socket.write(first!))
      this.waitingBytes -= taken
      if (taken < first!.length) return void (this.waiting[0] = first!.subarray(taken))
      this.waiting.shift()
    }
  }
}
