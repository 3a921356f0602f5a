import { describe, expect, test } from 'bun:test'
import { startLoad } from '../load.ts'
import { Sandbox, type Server, until } from '../server.ts'

const TEST_TIMEOUT_MS = 60_000

/** The numbers of the workers that answered this many requests, each on its own connection, in order. */
async function workersAsked(server: Server, times: number): Promise<number[]> {
  const workers: number[] = []
  for (let i = 0; i < times; i++) workers.push(Number((await server.json('/api/whoami'))['worker']))
  return workers.toSorted((a, b) => a - b)
}

/** A worker that is ready gets requests a moment later. */
async function allTakeRequests(server: Server, workers: number): Promise<void> {
  await until('every worker gets requests', async () => {
    const asked = await workersAsked(server, workers)
    return new Set(asked).size === workers
  })
}

describe('an application is served by all workers in turn', () => {
  test(
    'from .rip files',
    async () => {
      await using sandbox = await Sandbox.create()
      const server = await sandbox.start('dev', await sandbox.demo(), 'w:3', '0')
      await allTakeRequests(server, 3)
      const workers = await workersAsked(server, 9)
      expect(workers).toEqual([1, 1, 1, 2, 2, 2, 3, 3, 3])
      const page = await fetch(server.url)
      expect([page.status, await page.text()]).toEqual([200, expect.stringContaining('Hello from Rip')])
    },
    TEST_TIMEOUT_MS,
  )

  test(
    'from TypeScript, as in production',
    async () => {
      await using sandbox = await Sandbox.create()
      const server = await sandbox.start(await sandbox.fixture('ts-app'), 'w:2', '0', '-b', '127.0.0.1')
      await allTakeRequests(server, 2)
      expect(await workersAsked(server, 4)).toEqual([1, 1, 2, 2])
      expect(await (await fetch(server.url)).text()).toBe('hello from TypeScript')
    },
    TEST_TIMEOUT_MS,
  )

  test(
    'from a single file that is named',
    async () => {
      await using sandbox = await Sandbox.create()
      const folder = await sandbox.fixture('ts-app')
      const server = await sandbox.start(`${folder}/server.ts`, 'w:1', '0')
      expect(await (await fetch(server.url)).text()).toBe('hello from TypeScript')
    },
    TEST_TIMEOUT_MS,
  )
})

describe('all layers pass through', () => {
  test(
    'a POST with its body, a redirect, a stream, server-sent events and a WebSocket',
    async () => {
      await using sandbox = await Sandbox.create()
      const server = await sandbox.start('dev', await sandbox.demo(), 'w:2', '0')
      const posted = await fetch(`${server.url}/api/notes`, {
        method: 'POST',
        body: JSON.stringify({ name: 'Ada', text: 'x'.repeat(200) }),
        headers: { 'Content-Type': 'application/json' },
      })
      expect(posted.status).toBe(201)
      const refused = await fetch(`${server.url}/api/notes`, { method: 'POST', body: '{}' })
      expect(refused.status).toBe(422)
      const form = {
        method: 'POST',
        body: new URLSearchParams({ name: 'B', text: 'hi' }),
        redirect: 'manual',
      } as const
      const redirected = await fetch(`${server.url}/notes`, form)
      expect([redirected.status, redirected.headers.get('location')]).toEqual([303, '/#guestbook'])
      const streamed = await (await fetch(`${server.url}/stream?lines=5&pause=5`)).text()
      expect(streamed).toBe([1, 2, 3, 4, 5].map((line) => `line ${line} of 5\n`).join(''))
      expect(await firstEvent(`${server.url}/clock`)).toStartWith('event: tick\ndata: {')
      expect(await conversation(`${server.url.replace('http', 'ws')}/echo`)).toEqual([
        expect.stringMatching(/^worker [12] listens$/),
        'you said: hello',
      ])
    },
    TEST_TIMEOUT_MS,
  )
})

describe('a worker that is killed', () => {
  test(
    'is replaced while the others serve',
    async () => {
      await using sandbox = await Sandbox.create()
      const server = await sandbox.start('dev', await sandbox.demo(), 'w:3', '0')
      const load = startLoad({ url: server.url, path: '/api/whoami', perSecond: 100 })
      const { pid, worker } = await server.json('/api/whoami')
      process.kill(Number(pid), 'SIGKILL')
      await until('its slot has another process', async () => {
        const me = await server.json('/api/whoami')
        return me['worker'] === worker && me['pid'] !== pid
      })
      const report = await load.stop()
      // Only requests inside the killed process may be lost, and requests take about a millisecond.
      expect(report.failures.length).toBeLessThanOrEqual(1)
      expect(report.answers.length).toBeGreaterThan(0)
      await server.says(`worker ${String(worker)} (${String(pid)}) crashed by SIGKILL`)
    },
    TEST_TIMEOUT_MS,
  )
})

/** Text of the first server-sent event; then it disconnects. */
async function firstEvent(url: string): Promise<string> {
  const leave = new AbortController()
  const response = await fetch(url, { signal: leave.signal })
  let text = ''
  for await (const chunk of response.body!) {
    text += new TextDecoder().decode(chunk)
    if (text.includes('\n\n')) break
  }
  leave.abort()
  return text
}

/** The first two messages of a WebSocket, `hello` being sent after the first. */
async function conversation(url: string): Promise<string[]> {
  const { promise, resolve, reject } = Promise.withResolvers<string[]>()
  const heard: string[] = []
  const socket = new WebSocket(url)
  socket.onerror = () => reject(new Error(`the WebSocket failed after ${JSON.stringify(heard)}`))
  socket.onclose = () => reject(new Error(`the WebSocket closed after ${JSON.stringify(heard)}`))
  socket.onmessage = ({ data }) => {
    heard.push(String(data))
    if (heard.length === 1) socket.send('hello')
    else resolve(heard)
  }
  return promise.finally(() => socket.close())
}
