import { createHash } from 'node:crypto'

/** How a request failed. All kinds count as failures. */
export type FailureKind = 'refused' | 'reset' | 'cut' | 'timeout' | 'status' | 'checksum'

export interface Answer {
  readonly status: number
  readonly headers: ReadonlyMap<string, string>
  readonly body: Buffer
}

export class RequestFailure extends Error {
  override readonly name = 'RequestFailure'
  readonly kind: FailureKind
  constructor(kind: FailureKind, message: string) {
    super(message)
    this.kind = kind
  }
}

export interface Request {
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly body?: Buffer
  readonly keepAlive: boolean
}

const HEAD_END = Buffer.from('\r\n\r\n')

export const sha1 = (bytes: Buffer): string => createHash('sha1').update(bytes).digest('hex')

/** The body if it is complete, or `undefined` while bytes are missing. */
function completeBody(
  headers: ReadonlyMap<string, string>,
  rest: Buffer,
  ended: boolean,
): Buffer | undefined {
  const length = headers.get('content-length')
  if (length !== undefined)
    return rest.length >= Number(length) ? rest.subarray(0, Number(length)) : undefined
  if (headers.get('transfer-encoding') === 'chunked') return dechunk(rest)
  return ended ? rest : undefined
}

function dechunk(bytes: Buffer): Buffer | undefined {
  const parts: Buffer[] = []
  for (let at = 0; ;) {
    const lineEnd = bytes.indexOf('\r\n', at)
    if (lineEnd === -1) return undefined
    const size = Number.parseInt(bytes.toString('latin1', at, lineEnd), 16)
    const start = lineEnd + 2
    if (bytes.length < start + size + 2) return undefined
    if (size === 0) return Buffer.concat(parts)
    parts.push(bytes.subarray(start, start + size))
    at = start + size + 2
  }
}

function parseHead(text: string): { status: number; headers: Map<string, string> } {
  const [statusLine = '', ...lines] = text.split('\r\n')
  const headers = new Map<string, string>()
  for (const line of lines) {
    const colon = line.indexOf(':')
    headers.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim())
  }
  return { status: Number(statusLine.split(' ')[1]), headers }
}

/**
 * One client connection with one request at a time and no retries, so that every request the server loses is counted.
 * (`fetch` repeats requests by itself and would hide losses.)
 */
export class Connection {
  #socket: { write(bytes: Uint8Array): number; end(): void; terminate(): void } | undefined
  #unsent: Buffer = Buffer.alloc(0)
  #received: Buffer = Buffer.alloc(0)
  #settle: PromiseWithResolvers<Answer> | undefined
  #ended = false

  /** Whether another request may be sent. */
  get open(): boolean {
    return this.#socket !== undefined && !this.#ended
  }

  async connect(hostname: string, port: number): Promise<void> {
    this.#socket = await Bun.connect({
      hostname,
      port,
      socket: {
        data: (_socket, bytes) => this.#read(bytes),
        drain: () => this.#flush(),
        end: () => this.#finish('cut', 'the server ended the connection'),
        close: () => this.#finish('cut', 'the connection was closed'),
        error: (_socket, error) => this.#finish('reset', error.message),
      },
    }).catch((error: Error) => {
      throw new RequestFailure('refused', error.message)
    })
  }

  async request(request: Request, host: string, timeoutMs: number): Promise<Answer> {
    const settle = Promise.withResolvers<Answer>()
    this.#settle = settle
    this.#received = Buffer.alloc(0)
    const timer = setTimeout(() => this.#finish('timeout', `no answer within ${timeoutMs} ms`), timeoutMs)
    const body = request.body ?? Buffer.alloc(0)
    const head = [
      `${request.method} ${request.path} HTTP/1.1`,
      `Host: ${host}`,
      ...(request.keepAlive ? [] : ['Connection: close']),
      ...(request.body === undefined
        ? []
        : ['Content-Type: application/octet-stream', `Content-Length: ${body.length}`]),
    ].join('\r\n')
    this.#unsent = Buffer.concat([Buffer.from(`${head}\r\n\r\n`), body])
    this.#flush()
    try {
      const answer = await settle.promise
      if (answer.headers.get('connection') === 'close' || !request.keepAlive) this.close()
      return answer
    } finally {
      clearTimeout(timer)
      this.#settle = undefined
    }
  }

  close(): void {
    this.#ended = true
    this.#socket?.end()
  }

  #flush(): void {
    if (this.#unsent.length === 0 || this.#socket === undefined) return
    const written = this.#socket.write(this.#unsent)
    this.#unsent = this.#unsent.subarray(Math.max(0, written))
  }

  #read(bytes: Uint8Array): void {
    this.#received = Buffer.concat([this.#received, bytes])
    this.#tryAnswer(false)
  }

  #tryAnswer(ended: boolean): boolean {
    const headEnd = this.#received.indexOf(HEAD_END)
    if (headEnd === -1) return false
    const { status, headers } = parseHead(this.#received.toString('latin1', 0, headEnd))
    const body = completeBody(headers, this.#received.subarray(headEnd + 4), ended)
    if (body === undefined) return false
    this.#settle?.resolve({ status, headers, body: Buffer.from(body) })
    return true
  }

  #finish(kind: FailureKind, message: string): void {
    this.#ended = true
    if (this.#settle === undefined || this.#tryAnswer(true)) return
    this.#settle.reject(new RequestFailure(kind, message))
    this.#socket?.terminate()
  }
}
