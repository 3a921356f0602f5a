import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Sandbox, type Server, until } from '../server.ts'

/** Enough for each worker to have some. */
export const CLIENTS = 12

/** In Bun's style: WebSockets, event streams, and requests that publish. */
const APP = `
const headers = { 'content-type': 'text/event-stream' }
export default {
  fetch(request, server) {
    const { pathname, searchParams } = new URL(request.url)
    const { workerId, generation } = server
    if (pathname === '/ws') return server.upgrade(request, { data: { workerId } }) ? undefined : new Response('', { status: 400 })
    if (pathname === '/events') return new Response(events(server), { headers })
    if (pathname !== '/publish') return Response.json({ workerId, generation, pid: process.pid })
    const count: number = Number(searchParams.get('count') ?? 1)
    const name = searchParams.get('name')
    let sent
    for (let n = 0; n < count; n++) sent = server.publish('news', name + ' ' + n)
    return Response.json({ sent, workerId, pid: process.pid })
  },
  websocket: {
    open: (socket) => socket.subscribe('news'),
    message: (socket, text) => void socket.publish('news', text),
    close: (socket, code) => code === 4000 && socket.publish('news', 'one has left'),
  },
}
function events(server) {
  return new ReadableStream({
    start(stream) {
      stream.enqueue(': open\\n\\n')
      server.subscribe('news', (text) => stream.enqueue('data: ' + text + '\\n\\n'), { signal: server.signal })
    },
  })
}
`

/** Writes an application into the sandbox. @returns its folder */
export async function writeApp(
  sandbox: Sandbox,
  code: string = APP,
  name: string = 'index.ts',
): Promise<string> {
  const app = join(sandbox.folder, 'app')
  await mkdir(app, { recursive: true })
  await writeFile(join(app, name), code)
  return app
}

/** A client of the application, and what it got. */
export class Subscriber implements Disposable {
  readonly received: (string | Uint8Array)[] = []
  readonly socket: WebSocket
  closeCode: number | undefined

  private constructor(url: string) {
    this.socket = new WebSocket(`${url.replace('http', 'ws')}/ws`)
    this.socket.binaryType = 'arraybuffer'
    this.socket.addEventListener('message', ({ data }) =>
      this.received.push(typeof data === 'string' ? data : new Uint8Array(data as ArrayBuffer)),
    )
    this.socket.addEventListener('close', ({ code }) => (this.closeCode = code))
  }

  static async at(url: string): Promise<Subscriber> {
    const subscriber = new Subscriber(url)
    await until('it is open or refused', () => subscriber.socket.readyState !== WebSocket.CONNECTING)
    if (subscriber.socket.readyState !== WebSocket.OPEN) throw new Error('refused')
    return subscriber
  }

  static many({ url }: Server, count: number = CLIENTS): Promise<Subscriber[]> {
    return Promise.all(Array.from({ length: count }, () => Subscriber.at(url)))
  }

  [Symbol.dispose](): void {
    this.socket.close()
  }
}

export function disposing(subscribers: readonly Disposable[]): Disposable {
  return { [Symbol.dispose]: () => subscribers.forEach((each) => each[Symbol.dispose]()) }
}

export interface Published {
  readonly sent: number
  readonly workerId: number
  readonly pid: number
}

export async function publish({ url }: Server, name: string, count: number = 1): Promise<Published> {
  // A connection of its own, so that each worker has its turn.
  const response = await fetch(`${url}/publish?name=${name}&count=${count}`, { keepalive: false })
  return (await response.json()) as Published
}

/** The messages of a publisher, as the application numbers them. */
export function numbered(name: string, count: number): string[] {
  return Array.from({ length: count }, (_, n) => `${name} ${n}`)
}

/** The messages of one publisher, in the order they came in. */
export function of(name: string, { received }: Pick<Subscriber, 'received'>): unknown[] {
  return received.filter((message) => String(message).startsWith(`${name} `))
}

/** An open event stream of the application. */
export interface Stream extends Disposable {
  readonly text: () => string
}

export async function openStream({ url }: Server): Promise<Stream> {
  const leave = new AbortController()
  const response = await fetch(`${url}/events`, { signal: leave.signal, keepalive: false })
  let text = ''
  const reading = async (): Promise<void> => {
    for await (const chunk of response.body!) text += new TextDecoder().decode(chunk as Uint8Array)
  }
  void reading().catch(() => {})
  await until('it is open', () => text !== '')
  return { text: () => text, [Symbol.dispose]: () => leave.abort() }
}
