import { describe, expect, test } from 'bun:test'
import { existsSync, statSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { RequestsStatus } from '@rip/manager'
import { Sandbox, until } from '../server.ts'
import { serveCode } from './serve-code.ts'

const TEST_TIMEOUT_MS = 90_000

/** Requests one after the other until disposed. */
function load(url: string): AsyncDisposable {
  let isOver = false
  const asking = (async () => {
    while (!isOver) await (await fetch(url)).text()
  })()
  return {
    async [Symbol.asyncDispose]() {
      isOver = true
      await asking
    },
  }
}

const SHOP = `class Visit { when = Date.now(); constructor(readonly url: string) {} }
const others = new Set([1])
const visits: Visit[] = []
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
function price(count: number): number {
  let sum = 0
  for (let n = 0; n < count * 1e6; n++) sum += Math.sqrt(n) % 7
  return sum + others.size
}
export default async (request: Request) => {
  const { pathname } = new URL(request.url)
  if (pathname.startsWith('/visit')) for (let n = 0; n < 20; n++) visits.push(new Visit(request.url))
  if (pathname.startsWith('/report')) await pause(900)
  if (pathname.startsWith('/price')) return new Response(String(price(2)))
  if (pathname === '/boom') throw new Error('no money')
  if (pathname === '/stuck') for (;;) {}
  if (pathname === '/refused') return new Response('no', { status: 500 })
  if (pathname === '/hang') await pause(60_000)
  return new Response('ok')
}
`

describe('the cause is found by a command alone', () => {
  test(
    'why memory grows: the variable, its class and its place',
    async () => {
      await using sandbox = await Sandbox.create()
      const server = await serveCode(sandbox, SHOP)
      await using _load = load(`${server.url}/visit?token=secret`)
      const { code, stdout } = await sandbox.run('inspect', 'w1', '--memory', '--for', '1500ms')
      expect(code).toBe(0)
      expect(stdout).toMatch(/^Visit +\d+ +\+\d+ /m)
      expect(stdout).toMatch(/^visits +Array +\d+ +\+\d+ .* index\.ts:3$/m)
      expect(stdout).not.toContain('secret')
    },
    TEST_TIMEOUT_MS,
  )

  test(
    'which route is slow, and which one fails with which id of the log, without an access log',
    async () => {
      await using sandbox = await Sandbox.create()
      const server = await serveCode(sandbox, SHOP)
      for (let n = 0; n < 3; n++) await (await fetch(`${server.url}/report/${n}?token=secret`)).text()
      for (let n = 0; n < 12; n++) await (await fetch(`${server.url}/items/${n}`)).text()
      await (await fetch(`${server.url}/boom?token=secret`)).text()
      const { stdout } = await sandbox.run('status', '--routes')
      expect(stdout).toMatch(/^slowest +GET \/report\/:n, p95 (?:9\d\d ms|1\.\d s)/m)
      expect(stdout).toMatch(/^failed +GET \/boom with 500 /m)
      expect((await sandbox.run('top')).stdout).toMatch(/^slowest +GET \/report\/:n, p95 /m)
      expect(stdout).toMatch(/^GET \/report\/:n +\w+ +3 +0 /m)
      expect(stdout).toMatch(/^GET \/items\/:n +\w+ +12 +0 /m)
      const [, id = ''] =
        /ago +500 +GET \/boom +w1\.1 +\d+ ms +(\S+) +error: no money \(\S*index\.ts:15:\d+\)$/m.exec(
          stdout,
        ) ?? []
      const traced = await sandbox.run('trace', id)
      expect(traced.code).toBe(0)
      expect(traced.stdout).toMatch(/^request +GET \/boom$/m)
      expect(traced.stdout).toContain(`failed (request ${id})`)
      expect(traced.stdout).toMatch(/^w1 \| error: no money$/m)
      expect(stdout).not.toContain('secret')
      await (await fetch(`${server.url}/refused`)).text()
      const [, answered = ''] =
        /GET \/refused +w1\.1 +\d+ ms +(\S+)/.exec((await sandbox.run('status', '--routes')).stdout) ?? []
      expect((await sandbox.run('trace', answered)).stdout).toEndWith(
        '\nno line of the log has this id: the application answered, and what it printed is in "rip-server logs"\n',
      )
      const { requests } = JSON.parse((await sandbox.run('status', '--routes', '--json')).stdout) as {
        requests: RequestsStatus
      }
      expect(requests.routes.find(({ route }) => route === 'GET /boom')).toMatchObject({
        requests: 1,
        failed: 1,
      })
      const exception = { message: 'error: no money' }
      const failures = requests.failures.filter(({ path }) => path === '/boom')
      expect(failures).toMatchObject([{ path: '/boom', requestId: id, status: 500, exception }])
    },
    TEST_TIMEOUT_MS,
  )

  test(
    'which function takes the processor: its name and its line',
    async () => {
      await using sandbox = await Sandbox.create()
      const server = await serveCode(sandbox, SHOP)
      await using _load = load(`${server.url}/price`)
      const profile = join(sandbox.folder, 'w1.cpuprofile')
      const { stdout } = await sandbox.run('inspect', '--cpu-profile', profile, '--for', '1500ms')
      expect(stdout).toMatch(/^\d+ % +price +\S*index\.ts:[5-9]$/m)
      expect(statSync(profile).mode & 0o777).toBe(0o600)
      const { nodes, timeDeltas } = (await Bun.file(profile).json()) as {
        nodes: unknown[]
        timeDeltas: unknown[]
      }
      expect(Math.min(nodes.length, timeDeltas.length)).toBeGreaterThan(5)
    },
    TEST_TIMEOUT_MS,
  )

  test(
    'which request blocks a worker, although that does not answer any more',
    async () => {
      await using sandbox = await Sandbox.create()
      const server = await serveCode(sandbox, SHOP)
      const abort = new AbortController()
      const lost = fetch(`${server.url}/stuck?token=secret`, { signal: abort.signal }).catch(() => undefined)
      const { stdout } = await until('it is late', async () => {
        const shown = await sandbox.run('inspect')
        return shown.stdout.includes('blocked for') ? shown : undefined
      })
      expect(stdout).toMatch(/^event loop +blocked for [\d.]+ s: it computes\./m)
      expect(stdout).toMatch(/^[\d.]+ s +GET \/stuck +waits for its answer +w1\.1 /m)
      expect(stdout).not.toContain('secret')
      abort.abort()
      await lost
    },
    TEST_TIMEOUT_MS,
  )

  test(
    'which request hangs, with its age, while the worker goes on',
    async () => {
      await using sandbox = await Sandbox.create()
      const server = await serveCode(sandbox, SHOP)
      const abort = new AbortController()
      const hanging = fetch(`${server.url}/hang?a=b`, { signal: abort.signal }).catch(() => undefined)
      const id = await until('it is there', async () => {
        const { stdout } = await sandbox.run('inspect', 'w1', '--json')
        const [request] = (JSON.parse(stdout) as { requests: RequestsStatus['underWay'] }).requests
        if (request?.phase !== 'waiting') return undefined
        expect(request).toMatchObject({ method: 'GET', path: '/hang', worker: 'w1.1' })
        return request.requestId
      })
      expect((await sandbox.run('trace', id)).stdout).toMatch(
        /^in flight +for .* m?s; it waits for its answer$/m,
      )
      expect(await sandbox.run('trace', 'no-such-id')).toMatchObject({
        code: 1,
        stderr: expect.stringContaining('nothing is known of a request no-such-id'),
      })
      abort.abort()
      await hanging
    },
    TEST_TIMEOUT_MS,
  )
})

describe('inspect', () => {
  test(
    'names what there is when a worker, a time or a file cannot be used, and writes nothing',
    async () => {
      await using sandbox = await Sandbox.create()
      await serveCode(sandbox, SHOP)
      expect(await sandbox.run('inspect', 'w7')).toMatchObject({
        code: 2,
        stderr: 'rip-server: there is no worker w7; there is w1.1\n',
      })
      const time = await sandbox.run('inspect', 'w1', '--cpu', '--for', '2m')
      expect(time).toMatchObject({ code: 2 })
      expect(time.stderr).toContain('expected a duration of more than 0 and at most 1m, got "2m"')
      const file = join(sandbox.folder, 'there')
      await writeFile(file, 'mine')
      const taken = await sandbox.run('inspect', 'w1', '--heap-snapshot', file)
      expect(taken).toMatchObject({ code: 1 })
      expect(taken.stderr).toContain('it exists already; remove it or choose another name')
      expect(await Bun.file(file).text()).toBe('mine')
    },
    TEST_TIMEOUT_MS,
  )

  test(
    'writes a snapshot of the heap, which Chrome opens, and which only its owner can read',
    async () => {
      await using sandbox = await Sandbox.create()
      await serveCode(sandbox, SHOP)
      const file = join(sandbox.folder, 'w1.heapsnapshot')
      const { code, stdout } = await sandbox.run('inspect', '1', '--heap-snapshot', file)
      expect(code).toBe(0)
      expect(stdout).toContain(`written to ${file}; Chrome opens it in DevTools, Memory`)
      expect(statSync(file).mode & 0o777).toBe(0o600)
      const { snapshot, nodes } = (await Bun.file(file).json()) as {
        snapshot: { node_count: number }
        nodes: number[]
      }
      expect(nodes.length / 7).toBe(snapshot.node_count)
    },
    TEST_TIMEOUT_MS,
  )

  test(
    'looks into a background process',
    async () => {
      await using sandbox = await Sandbox.create()
      const jobs = join(sandbox.folder, 'jobs.ts')
      await writeFile(
        jobs,
        'const queue: object[] = []\nsetInterval(() => { for (let n = 0; n < 50; n++) queue.push({ n }) }, 20)\n',
      )
      await serveCode(sandbox, SHOP, '--background', jobs)
      const { stdout } = await sandbox.run('inspect', 'jobs', '--memory', '--for', '1s')
      expect(stdout).toMatch(/^queue +Array +\d+ +\+\d+ /m)
    },
    TEST_TIMEOUT_MS,
  )

  test(
    'says of an application that is run by its command why it cannot look into it',
    async () => {
      await using sandbox = await Sandbox.create()
      const app = join(sandbox.folder, 'app')
      await mkdir(app)
      await writeFile(
        join(app, 'main.ts'),
        "Bun.serve({ port: process.env.PORT, fetch: () => new Response('ok') })\n",
      )
      const server = await sandbox.start(
        app,
        'w:1',
        '0',
        '-b',
        '127.0.0.1',
        '--',
        process.execPath,
        'main.ts',
      )
      await (await fetch(server.url)).text()
      const file = join(sandbox.folder, 'w1.cpuprofile')
      const { code, stdout, stderr } = await sandbox.run('inspect', 'w1', '--cpu-profile', file)
      expect(code).toBe(1)
      expect(stdout).toMatch(/^requests +\d+ /m)
      expect(stderr).toContain('main.ts, into which rip-server cannot look')
      expect(existsSync(file)).toBe(false)
    },
    TEST_TIMEOUT_MS,
  )
})
