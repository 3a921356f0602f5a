import { expect, test } from 'bun:test'
import { on } from 'node:events'
import { mkdir, writeFile } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { Sandbox, type Server, until } from '../server.ts'

const TEST_TIMEOUT_MS = 60_000
const COUNT = 40

const APP = `
const headers = { 'content-type': 'text/event-stream' }
const events = () => new ReadableStream({ start: (controller) => controller.enqueue('data: 1\\n\\n') })
export default {
  fetch: (request: Request, server: any) => {
    const { pathname } = new URL(request.url)
    if (pathname === '/ws' && server.upgrade(request)) return
    return pathname === '/events' ? new Response(events(), { headers }) : new Response('ok')
  },
  websocket: { message: (socket: any, text: string) => socket.send(text) },
}
`

async function application(sandbox: Sandbox, config = ''): Promise<string> {
  const app = join(sandbox.folder, 'app')
  await mkdir(app)
  await writeFile(join(app, 'index.ts'), APP)
  if (config !== '') await writeFile(join(app, 'rip-server.config.ts'), `export default ${config}`)
  return app
}

/** @returns the socket, and the code with which it is closed */
async function openSocket({ url }: Server): Promise<{ socket: WebSocket; closed: Promise<number> }> {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/ws`)
  const closed = new Promise<number>((resolve) =>
    socket.addEventListener('close', ({ code }) => resolve(code)),
  )
  await new Promise((resolve, reject) => {
    socket.addEventListener('open', resolve)
    socket.addEventListener('close', () => reject(new Error('refused')))
  })
  return { socket, closed }
}

/** A connection on which the first event has arrived. */
async function openStream({ url }: Server): Promise<Socket> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  socket.write('GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n')
  for await (const chunk of on(socket, 'data')) if (String(chunk).includes('data: 1')) return socket
  throw new Error('the stream has ended')
}

/** Sum of a figure over the workers, from `status`. */
async function total(
  sandbox: Sandbox,
  server: Server,
  figure: 'inFlight' | 'webSockets' | 'eventStreams',
): Promise<number> {
  const { workers } = await sandbox.snapshot(server)
  return workers.reduce((sum, worker) => sum + worker[figure], 0)
}

test(
  'with two workers and c:1, idle WebSockets and event streams block no request, are shown by status, and end with a reload',
  async () => {
    await using sandbox = await Sandbox.create()
    const app = await application(sandbox)
    const server = await sandbox.start(app, 'w:2', 'c:1', '0', '--rollback-window', 'off')
    const sockets = await Promise.all(Array.from({ length: COUNT }, () => openSocket(server)))
    const streams = await Promise.all(Array.from({ length: COUNT }, () => openStream(server)))
    for (let n = 0; n < 10; n++) expect(await (await fetch(server.url)).text()).toBe('ok')
    await until('all are shown', async () => {
      const counts = [
        await total(sandbox, server, 'webSockets'),
        await total(sandbox, server, 'eventStreams'),
      ]
      return counts.every((count) => count === COUNT)
    })
    expect(await total(sandbox, server, 'inFlight')).toBe(0)
    const { stdout } = await sandbox.run('status')
    expect(stdout).toMatch(/in flight {2}sockets {2}streams {2}requests/)
    expect(stdout).toMatch(/w1\.1 .* 0 {10}\d+ +\d+ +\d+ /)
    await writeFile(join(app, 'index.ts'), APP.replace("'ok'", "'new'"))
    const reloading = sandbox.run('reload')
    expect(await Promise.all(sockets.map(({ closed }) => closed))).toEqual(sockets.map(() => 1012))
    expect((await reloading).code).toBe(0)
    expect(await (await fetch(server.url)).text()).toBe('new')
    const again = await openSocket(server)
    for (const stream of streams) stream.destroy()
    again.socket.close()
  },
  TEST_TIMEOUT_MS,
)

test(
  'beyond limits.longLived of each worker they are refused with 503, and the log names the option',
  async () => {
    await using sandbox = await Sandbox.create()
    const app = await application(sandbox, '{ balancer: { limits: { longLived: 2 } } }')
    const server = await sandbox.start(app, 'w:2', '0')
    const sockets = await Promise.all(Array.from({ length: 4 }, () => openSocket(server)))
    expect(await openSocket(server).catch(String)).toContain('refused')
    const refused = await fetch(`${server.url}/events`)
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '1'])
    expect(await (await fetch(server.url)).text()).toBe('ok')
    await server.says('limits.longLived allows, 2')
    for (const { socket } of sockets) socket.close()
  },
  TEST_TIMEOUT_MS,
)
