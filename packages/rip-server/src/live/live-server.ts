import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { packageFolder } from '../programs/programs.ts'
import type { Editor, Place } from './editor.ts'
import type { LiveMessage } from './live-state.ts'

/** Path of the script that pages get; what it asks for is in the same folder. */
export const LIVE_SCRIPT = '/.rip/live.js'
const STREAM = '/.rip/live'
const OPEN = '/.rip/open'

/** Bun ends a connection to a Unix socket on which nothing is sent for 10 s, and takes no other limit for these. */
const HEARTBEAT_MS = 4_000
const RECONNECT_MS = 500
/** Beyond it, the stream that began first is ended: its tab connects again when it is looked at. */
const MAX_STREAMS = 256
/** Messages that wait for a browser that does not read; beyond it, the stream is ended. */
const MAX_WAITING = 100

export interface LiveServerOptions {
  /** Path of the socket on which it listens. */
  readonly socket: string
  /** What a page is told first. */
  readonly message: () => LiveMessage
  readonly editor: Editor
}

type Stream = ReadableStreamDefaultController<string>

/**
 * Answers what pages ask for in development: the script, the stream of what is to be told, and orders to open a file in the editor. The
 * balancer sends such requests here. Pages of other origins can neither read the stream nor give orders, and orders come from this
 * machine only.
 */
export class LiveServer implements AsyncDisposable {
  readonly #options: LiveServerOptions
  readonly #script: Uint8Array<ArrayBuffer>
  readonly #compressed: Uint8Array<ArrayBuffer>
  readonly #streams = new Set<Stream>()
  readonly #server: Bun.Server<undefined>
  readonly #heartbeat: NodeJS.Timeout

  constructor(options: LiveServerOptions) {
    this.#options = options
    this.#script = readFileSync(join(packageFolder('@rip/server'), 'src/live/client.js'))
    this.#compressed = Bun.gzipSync(this.#script)
    this.#server = Bun.serve({
      unix: options.socket,
      fetch: (request) => this.#answer(request),
    })
    this.#heartbeat = setInterval(() => this.#send(':\n\n'), HEARTBEAT_MS)
    this.#heartbeat.unref()
  }

  /** Tells every page. */
  tell(message: LiveMessage): void {
    this.#send(eventOf(message))
  }

  /** Ends the streams, so that a stop need not wait for them. */
  endStreams(): void {
    for (const stream of this.#streams) this.#end(stream)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#heartbeat)
    this.endStreams()
    await this.#server.stop(true)
  }

  async #answer(request: Request): Promise<Response> {
    const { pathname } = new URL(request.url)
    if (pathname === LIVE_SCRIPT && request.method === 'GET') return this.#toScript(request)
    if (pathname !== STREAM && pathname !== OPEN) return new Response('not found\n', { status: 404 })
    if (!isFromOwnPage(request)) return new Response('for pages of this origin only\n', { status: 403 })
    if (pathname === STREAM && request.method === 'GET') return this.#toStream()
    if (pathname === OPEN && request.method === 'POST') return await this.#toOrder(request)
    return new Response('method not allowed\n', { status: 405 })
  }

  #toScript({ headers }: Request): Response {
    const compresses = /\bgzip\b/.test(headers.get('accept-encoding') ?? '')
    return new Response(compresses ? this.#compressed : this.#script, {
      headers: {
        'content-type': 'text/javascript; charset=utf-8',
        ...(compresses && { 'content-encoding': 'gzip' }),
        vary: 'accept-encoding',
        'cache-control': 'no-cache',
        'cross-origin-resource-policy': 'same-origin',
      },
    })
  }

  #toStream(): Response {
    let own: Stream
    const stream = new ReadableStream<string>({
      start: (controller) => {
        own = controller
        this.#makeRoom()
        this.#streams.add(controller)
        controller.enqueue(`retry: ${RECONNECT_MS}\n${eventOf(this.#options.message())}`)
      },
      cancel: () => void this.#streams.delete(own),
    })
    return new Response(stream.pipeThrough(new TextEncoderStream()), {
      headers: {
        'content-type': 'text/event-stream',
        'cache-control': 'no-store',
        'x-accel-buffering': 'no',
      },
    })
  }

  /** A page may have files opened that it was told of, no others. */
  async #toOrder(request: Request): Promise<Response> {
    if (!isLoopback(request.headers.get('x-real-ip') ?? ''))
      return new Response('from this machine only\n', { status: 403 })
    const asked = (await request.json().catch(() => undefined)) as Partial<Place> | undefined
    const place = this.#options
      .message()
      .problems.map(({ open }) => open)
      .find(
        (each) => each?.file === asked?.file && each?.line === asked?.line && each?.column === asked?.column,
      )
    if (place === undefined) return new Response('no such place is shown\n', { status: 404 })
    this.#options.editor.open(place)
    return new Response(null, { status: 204 })
  }

  #makeRoom(): void {
    const [first] = this.#streams
    if (first !== undefined && this.#streams.size >= MAX_STREAMS) this.#end(first)
  }

  #end(stream: Stream): void {
    this.#streams.delete(stream)
    stream.close()
  }

  #send(text: string): void {
    for (const stream of this.#streams) {
      stream.enqueue(text)
      if ((stream.desiredSize ?? 0) < -MAX_WAITING) this.#end(stream)
    }
  }
}

function eventOf(message: LiveMessage): string {
  return `data: ${JSON.stringify(message)}\n\n`
}

/** Browsers say in one of two ways which page a request is of; what is no browser says neither. */
function isFromOwnPage({ headers }: Request): boolean {
  const site = headers.get('sec-fetch-site')
  if (site !== null && site !== 'same-origin') return false
  const origin = headers.get('origin')
  return origin === null || URL.parse(origin)?.host === headers.get('host')
}

function isLoopback(address: string): boolean {
  return address === '::1' || address === 'unix' || /^(?:::ffff:)?127\./.test(address)
}
