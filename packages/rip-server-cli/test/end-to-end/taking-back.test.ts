import { expect, test } from 'bun:test'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ManagerStatus } from '@rip/manager'
import { Sandbox, type Server, until } from '../server.ts'

const TEST_TIMEOUT_MS = 120_000
const TAKEN_BACK = /^✗ [0-9a-f]{7} taken back, .+$/m
/** More than the balancer needs to suspect the code, far fewer than come in the whole window. */
const MOST_FAILURES = 400
/** Number of requests that end a worker, one after the other. */
const MOST_LOST = 5

/** An application that starts, is healthy, and answers every other request with 500. */
const passesAndFails = `let asked = 0
export default (request) => {
  if (new URL(request.url).pathname === '/up') return new Response('up')
  return new Response('answer', { status: asked++ % 2 === 0 ? 500 : 200 })
}
`
const works = `export default () => new Response('works')\n`

/** One request after the other until stopped; counts the answers by status. */
function ask(url: string): { readonly statuses: Map<number, number>; stop(): Promise<void> } {
  const statuses = new Map<number, number>()
  let stopped = false
  const run = async (): Promise<void> => {
    while (!stopped) {
      const { status } = await fetch(url, { keepalive: false })
      statuses.set(status, (statuses.get(status) ?? 0) + 1)
      await Bun.sleep(5)
    }
  }
  const running = run()
  return { statuses, stop: () => ((stopped = true), running) }
}

async function serving(sandbox: Sandbox): Promise<ManagerStatus> {
  return JSON.parse((await sandbox.run('status', '--json')).stdout) as ManagerStatus
}

async function app(sandbox: Sandbox, code: string): Promise<string> {
  const file = join(sandbox.folder, 'index.js')
  await writeFile(file, code)
  return file
}

test.concurrent(
  'code that is healthy, but fails when it serves, is taken back',
  async () => {
    await using sandbox = await Sandbox.create()
    const file = await app(sandbox, works)
    const server: Server = await sandbox.start(
      sandbox.folder,
      'w:2',
      '0',
      '-b',
      '127.0.0.1',
      '--health',
      '/up',
    )
    const before = (await serving(sandbox)).generation
    const load = ask(server.url)
    await writeFile(file, passesAndFails)
    expect((await sandbox.run('reload')).code).toBe(0)
    const told = await server.says(TAKEN_BACK)
    expect(told).toMatch(/answers failed \([45]\d\.\d %\); it was 0\.0 % before/)
    await load.stop()
    expect(load.statuses.get(500)).toBeGreaterThanOrEqual(10)
    expect(load.statuses.get(500)).toBeLessThan(MOST_FAILURES)
    expect(new Set(load.statuses.keys())).toEqual(new Set([200, 500]))
    const { generation, lastRefusal, health } = await serving(sandbox)
    expect({ generation, health, code: lastRefusal?.code }).toEqual({
      generation: before,
      health: 'ok',
      code: 'rolled-back',
    })
    expect((await sandbox.run('status')).stdout).toContain('taken back')
    await until('nothing of it is left', async () => (await serving(sandbox)).workers.length === 2)
  },
  TEST_TIMEOUT_MS,
)

test.concurrent(
  'a reload that waits says that the code was taken back, not that it was refused',
  async () => {
    await using sandbox = await Sandbox.create()
    const file = await app(sandbox, works)
    const server = await sandbox.start(sandbox.folder, 'w:1', '0', '-b', '127.0.0.1', '--health', '/up')
    const load = ask(server.url)
    await writeFile(file, passesAndFails)
    const { code, stderr } = await sandbox.run('reload', '--wait')
    await load.stop()
    expect([code, stderr]).toEqual([
      8,
      expect.stringMatching(
        /^rip-server: [0-9a-f]{7} was taken back, the previous code serves again: .* answers failed/,
      ),
    ])
  },
  TEST_TIMEOUT_MS,
)

test.concurrent(
  'code that ends its process when it serves leaves its requests to the previous code, and is taken back',
  async () => {
    await using sandbox = await Sandbox.create()
    const file = await app(sandbox, works)
    const server = await sandbox.start(sandbox.folder, 'w:2', '0', '-b', '127.0.0.1')
    const before = (await serving(sandbox)).generation
    const load = ask(server.url)
    await until('something was asked for', () => (load.statuses.get(200) ?? 0) >= 20)
    await writeFile(file, 'export default () => process.exit(1)\n')
    expect((await sandbox.run('reload')).code).toBe(0)
    await server.says(TAKEN_BACK)
    await load.stop()
    // Lost before the first crash was known; after that, lost requests can go to the old code.
    expect(load.statuses.get(502) ?? 0).toBeLessThan(MOST_LOST)
    expect(await serving(sandbox)).toMatchObject({ generation: before, lastRefusal: { code: 'rolled-back' } })
  },
  TEST_TIMEOUT_MS,
)

/** Requests with which a client can make answers fail, or look as if they did. */
const strangers: Readonly<Record<string, (url: string) => Promise<unknown>>> = {
  'unknown methods': async (url) =>
    expect(await raw(url, 'FOO / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')).toStartWith(
      'HTTP/1.1 501 ',
    ),
  'broken JSON': (url) => fetch(`${url}/json`, { method: 'POST', body: '{', keepalive: false }),
  'broken JSON where there was nothing before': (url) =>
    fetch(`${url}/new`, { method: 'POST', body: '{', keepalive: false }),
  'broken cookies': (url) => fetch(url, { headers: { cookie: 'state={' }, keepalive: false }),
  'links that cannot be decoded': (url) => fetch(`${url}/?q=%E0%A4%A`, { keepalive: false }),
  'heads that are too large': (url) =>
    raw(url, `GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(40_000)}\r\n\r\n`),
  'chunks that are none': (url) =>
    raw(url, 'POST /json HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n'),
}

/** Sends bytes and resolves with the answer when the server has closed the connection. */
async function raw(url: string, text: string): Promise<string> {
  const closed = Promise.withResolvers<string>()
  const { hostname, port } = new URL(url)
  let received = ''
  const close = (): void => closed.resolve(received)
  const data = (_socket: Bun.Socket, bytes: Buffer): void => void (received += bytes.toString('latin1'))
  const socket = await Bun.connect({
    hostname,
    port: Number(port),
    socket: { data, close, end: close, error: close },
  })
  socket.write(text)
  return closed.promise
}

const answersStrangers = (version: string, more = ''): string => `export default async (request) => {
  const url = new URL(request.url)
  const cookie = request.headers.get('cookie')
  if (cookie !== null) JSON.parse(cookie.slice(6))
  decodeURIComponent(url.search)
  if (url.pathname === '/json') return Response.json(await request.json())
  ${more}
  return new Response('${version}')
}
`

for (const [what, send] of Object.entries(strangers))
  test.concurrent(
    `${what} do not cause a release to be taken back`,
    async () => {
      await using sandbox = await Sandbox.create()
      const file = await app(sandbox, answersStrangers('v1'))
      const server = await sandbox.start(
        sandbox.folder,
        'w:2',
        '0',
        '-b',
        '127.0.0.1',
        '--rollback-window',
        '3s',
      )
      const json = { method: 'POST', body: '{}', keepalive: false }
      for (let n = 0; n < 60; n++) {
        await fetch(server.url, { keepalive: false })
        if (n % 4 === 0) await fetch(`${server.url}/json`, json)
      }
      await writeFile(file, answersStrangers('v2', `if (url.pathname === '/new') await request.json()`))
      expect((await sandbox.run('reload')).code).toBe(0)
      const after = (await serving(sandbox)).generation
      const load = ask(server.url)
      let sent = 0
      await until('the code before has gone', async () => {
        await Promise.all(Array.from({ length: 20 }, () => send(server.url)))
        sent += 20
        return (await sandbox.snapshot(server)).workers.length === 2
      })
      await load.stop()
      expect(sent).toBeGreaterThanOrEqual(60)
      expect(await serving(sandbox)).toMatchObject({ generation: after, lastRefusal: null })
    },
    TEST_TIMEOUT_MS,
  )

test.concurrent(
  'with --rollback-window off nothing stands by',
  async () => {
    await using sandbox = await Sandbox.create()
    const file = await app(sandbox, works)
    const server = await sandbox.start(sandbox.folder, 'w:1', '0', '--rollback-window', 'off')
    await writeFile(file, passesAndFails)
    expect((await sandbox.run('reload')).code).toBe(0)
    const after = (await serving(sandbox)).generation
    await until('the code before has gone', async () => (await serving(sandbox)).workers.length === 1)
    const load = ask(server.url)
    await until('many answers have failed', () => (load.statuses.get(500) ?? 0) >= 100)
    await load.stop()
    expect((await serving(sandbox)).generation).toBe(after)
  },
  TEST_TIMEOUT_MS,
)
