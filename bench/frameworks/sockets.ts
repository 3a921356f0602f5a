import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Row } from './rows.ts'

const ANSWER_MS = 5_000
const TRIES = 6

/** Tries the sockets or sessions of a project; returns how many of the tries succeeded, as text. */
export async function trySockets(row: Row, url: string, folder: string): Promise<string> {
  const tries = { echo: tryEcho, 'socket.io': trySocketIo, mcp: tryMcp }
  if (row.sockets === undefined) return ''
  const attempt = tries[row.sockets]
  const results: boolean[] = []
  // One after the other, so that they reach all workers.
  for (let n = 0; n < TRIES; n++) results.push(await attempt(url, folder, n).catch(() => false))
  const good = results.filter(Boolean).length
  return good === TRIES ? 'ok' : `${good} of ${TRIES}`
}

async function tryEcho(url: string): Promise<boolean> {
  const answer = Promise.withResolvers<unknown>()
  const socket = new WebSocket(`${url.replace('http', 'ws')}/ws`)
  socket.onopen = () => socket.send('hello')
  socket.onmessage = ({ data }) => answer.resolve(data)
  socket.onclose = () => answer.resolve(undefined)
  const received = await Promise.race([answer.promise, Bun.sleep(ANSWER_MS)])
  socket.close()
  return received === 'echo hello'
}

interface SocketIo {
  on(event: string, listener: (error: Error) => void): void
  emit(event: string, message: string, answer: (text: string) => void): void
  close(): void
}

/** By WebSockets and, every other time, by the default: long polling first. */
async function trySocketIo(url: string, folder: string, n: number): Promise<boolean> {
  const { io } = createRequire(join(folder, 'index.js'))('socket.io-client') as {
    readonly io: (url: string, options: object) => SocketIo
  }
  const socket = io(url, {
    withCredentials: true,
    forceNew: true,
    reconnection: false,
    ...(n % 2 === 0 && { transports: ['websocket'] }),
  })
  const answer = Promise.withResolvers<string>()
  socket.on('connect_error', (error) => answer.resolve(error.message))
  socket.emit('chat message', 'hello', answer.resolve)
  const received = await Promise.race([answer.promise, Bun.sleep(ANSWER_MS)])
  socket.close()
  return received === 'echo hello'
}

interface McpClient {
  connect(transport: unknown): Promise<void>
  callTool(call: object): Promise<unknown>
  close(): Promise<void>
}

/** The official client: a session with a call of a tool. */
async function tryMcp(url: string, folder: string): Promise<boolean> {
  const modules = join(folder, 'node_modules/@modelcontextprotocol/sdk/dist/esm/client')
  const load = async <T>(name: string): Promise<T> =>
    (await import(pathToFileURL(join(modules, name)).href)) as T
  const { Client } = await load<{ Client: new (info: object) => McpClient }>('index.js')
  const { StreamableHTTPClientTransport: Transport } = await load<{
    StreamableHTTPClientTransport: new (url: URL) => unknown
  }>('streamableHttp.js')
  const client = new Client({ name: 'bench', version: '1.0.0' })
  try {
    await client.connect(new Transport(new URL('/mcp', url)))
    const result = await client.callTool({ name: 'echo', arguments: { text: 'hello' } })
    return JSON.stringify(result).includes('echo hello')
  } finally {
    await client.close()
  }
}
