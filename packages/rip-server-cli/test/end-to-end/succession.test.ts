import { describe, expect, test } from 'bun:test'
import { existsSync } from 'node:fs'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { findInstances } from '@rip/manager'
import { startLoad } from '../load.ts'
import { Sandbox, type Server, until } from '../server.ts'

const TEST_TIMEOUT_MS = 90_000
const RESTARTS = 3
const CHUNKS = 20

// What a worker has at a time goes up and down every second, so that it is spoken to in HTTP/2 and in HTTP/1.1 by turns.
const app = `export default async (request) => {
  const { pathname } = new URL(request.url)
  if (pathname === '/stream') return new Response(stream())
  const { length } = await request.text()
  if (Math.floor(Date.now() / 1000) % 2 === 0) await Bun.sleep(600)
  return Response.json({ pid: process.pid, manager: process.ppid, body: length })
}
async function* stream() {
  for (let n = 0; n < ${CHUNKS}; n++) {
    await Bun.sleep(50)
    yield 'chunk ' + n + '\\n'
  }
}
`

/** Requests streams one after the other until stopped; resolves with those that were incomplete. */
function startStreams(url: string): {
  stop(): Promise<{ readonly read: number; readonly broken: string[] }>
} {
  const whole = Array.from({ length: CHUNKS }, (_, n) => `chunk ${n}\n`).join('')
  const broken: string[] = []
  let read = 0
  let stopped = false
  const run = async (): Promise<void> => {
    while (!stopped) {
      const text = await fetch(`${url}/stream`, { keepalive: false }).then(
        (response) => response.text(),
        String,
      )
      read += 1
      if (text !== whole) broken.push(text)
    }
  }
  const running = Promise.all([run(), run()])
  return {
    async stop() {
      stopped = true
      await running
      return { read, broken }
    },
  }
}

/** The exit code; the output goes on, because the successor writes to it as well. */
async function exitCode(server: Server): Promise<number> {
  return until('the server before has ended', () =>
    server.exitCode === null ? undefined : `${server.exitCode}`,
  ).then(Number)
}

function runningPid(sandbox: Sandbox): number | undefined {
  return findInstances(sandbox.env())[0]?.pid
}

/** Connections of HTTP/2 to workers. */
async function lanes(sandbox: Sandbox): Promise<number> {
  const unix = join(findInstances(sandbox.env())[0]?.runDir ?? '', 'admin.sock')
  const status = await fetch('http://balancer/status', { unix }).then(
    (response) => response.json() as Promise<{ readonly pools: readonly { readonly lanes: number }[] }>,
    () => undefined,
  )
  return status?.pools[0]?.lanes ?? 0
}

async function serve(sandbox: Sandbox, ...options: string[]): Promise<Server> {
  await writeFile(join(sandbox.folder, 'index.js'), app)
  return sandbox.start(sandbox.folder, 'w:2', '0', '-b', '127.0.0.1', ...options)
}

describe('restart --manager', () => {
  test(
    'replaces every process and loses no request, whole bodies and streams included',
    async () => {
      await using sandbox = await Sandbox.create()
      const server = await serve(sandbox)
      const load = startLoad({ url: server.url, path: '/', perSecond: 100, post: 'x'.repeat(16_256) })
      const streams = startStreams(server.url)
      const pids = [server.pid]
      for (let times = 0; times < RESTARTS; times += 1) {
        const { code, stdout } = await sandbox.run('restart', '--manager')
        expect([code, stdout]).toEqual([
          0,
          expect.stringMatching(new RegExp(`^process ${pids.at(-1)} → \\d+\\n`)),
        ])
        pids.push(Number(/→ (\d+)/.exec(stdout)?.[1]))
        expect(runningPid(sandbox)).toBe(pids.at(-1))
      }
      expect(await exitCode(server)).toBe(0)
      await until('workers are spoken to in HTTP/2', async () => (await lanes(sandbox)) > 0)
      const [report, streamed] = [await load.stop(), await streams.stop()]
      expect(report.failures).toEqual([])
      expect(streamed.broken).toEqual([])
      expect(streamed.read).toBeGreaterThan(1)
      // The last one may not have had time for an answer.
      const answered = new Set(report.answers.map(({ manager }) => manager))
      expect(pids.filter((pid) => answered.has(pid)).length).toBeGreaterThanOrEqual(RESTARTS)
      expect((await sandbox.run('stop')).code).toBe(0)
      await until('no process is left', async () => (await sandbox.processes()).length === 0)
      expect((await sandbox.leftovers()).filter((path) => path.endsWith('.sock'))).toEqual([])
    },
    TEST_TIMEOUT_MS,
  )

  test(
    'keeps the number of workers, and the names of its sockets',
    async () => {
      await using sandbox = await Sandbox.create()
      await serve(sandbox)
      expect((await sandbox.run('scale', '3')).code).toBe(0)
      expect((await sandbox.run('restart', '--manager')).code).toBe(0)
      const { readyWorkers } = JSON.parse((await sandbox.run('status', '--json')).stdout) as {
        readyWorkers: number
      }
      expect(readyWorkers).toBe(3)
      const folder = findInstances(sandbox.env())[0]?.runDir ?? ''
      await until('the admin socket has its name again', async () =>
        fetch('http://balancer/status', { unix: join(folder, 'admin.sock') }).then(
          (response) => response.ok,
          () => false,
        ),
      )
      expect((await sandbox.run('stop')).code).toBe(0)
    },
    TEST_TIMEOUT_MS,
  )

  test(
    'works from a folder that was removed meanwhile',
    async () => {
      await using sandbox = await Sandbox.create()
      await writeFile(join(sandbox.folder, 'index.js'), app)
      sandbox.startFolder = join(sandbox.folder, 'somewhere')
      await mkdir(sandbox.startFolder)
      const server = await sandbox.start(sandbox.folder, 'w:1', '0', '-b', '127.0.0.1')
      await rm(sandbox.startFolder, { recursive: true })
      sandbox.startFolder = sandbox.folder
      for (let times = 0; times < 2; times += 1)
        expect(await sandbox.run('restart', '--manager')).toMatchObject({ code: 0 })
      expect(runningPid(sandbox)).not.toBe(server.pid)
      expect((await sandbox.run('stop')).code).toBe(0)
    },
    TEST_TIMEOUT_MS,
  )

  test(
    'is refused while reloads are held: it would serve the code on disk',
    async () => {
      await using sandbox = await Sandbox.create()
      const server = await serve(sandbox)
      expect((await sandbox.run('hold')).code).toBe(0)
      const { code, stderr } = await sandbox.run('restart', '--manager')
      expect([code, stderr]).toEqual([8, expect.stringContaining('reloads are on hold')])
      expect(runningPid(sandbox)).toBe(server.pid)
    },
    TEST_TIMEOUT_MS,
  )

  test(
    'with code that no longer starts changes nothing: exit 8',
    async () => {
      await using sandbox = await Sandbox.create()
      const server = await serve(sandbox)
      const load = startLoad({ url: server.url, path: '/', perSecond: 100 })
      await writeFile(join(sandbox.folder, 'index.js'), 'throw new Error("no such release")\n')
      const { code, stderr } = await sandbox.run('restart', '--manager')
      expect([code, stderr]).toEqual([8, expect.stringContaining('the new process ended with code 4')])
      expect(server.stderr).toContain('no such release')
      expect(existsSync(join(findInstances(sandbox.env())[0]!.runDir, 'log'))).toBe(true)
      expect(runningPid(sandbox)).toBe(server.pid)
      const report = await load.stop()
      expect(report.failures).toEqual([])
      expect(new Set(report.answers.map(({ manager }) => manager))).toEqual(new Set([server.pid]))
      expect((await sandbox.run('stop')).code).toBe(0)
      expect((await server.finished()).code).toBe(0)
    },
    TEST_TIMEOUT_MS,
  )

  test(
    'by SIGUSR2, and the listening socket is in no worker',
    async () => {
      await using sandbox = await Sandbox.create()
      const server = await serve(sandbox)
      server.kill('SIGUSR2')
      const successor = await until('a successor runs', () => {
        const pid = runningPid(sandbox)
        return pid === server.pid ? undefined : pid
      })
      expect(await exitCode(server)).toBe(0)
      await (await fetch(server.url, { keepalive: false })).text()
      process.kill(successor, 'SIGTERM')
      await until('no process is left', async () => (await sandbox.processes()).length === 0)
      expect(
        await fetch(server.url, { keepalive: false }).catch((error: { code: string }) => error.code),
      ).toBe('ECONNREFUSED')
    },
    TEST_TIMEOUT_MS,
  )

  test(
    'is given up when the server is stopped meanwhile',
    async () => {
      await using sandbox = await Sandbox.create()
      const server = await serve(sandbox)
      const booting = join(sandbox.folder, 'booting')
      await writeFile(
        join(sandbox.folder, 'index.js'),
        `require('node:fs').writeFileSync('${booting}', ''); await Bun.sleep(60_000); ${app}`,
      )
      server.kill('SIGUSR2')
      await until('a successor boots', () => existsSync(booting))
      server.kill('SIGTERM')
      expect((await server.finished()).code).toBe(0)
      expect(await sandbox.processes()).toEqual([])
      expect(findInstances(sandbox.env())).toEqual([])
    },
    TEST_TIMEOUT_MS,
  )

  test(
    'is refused once the server is stopping',
    async () => {
      await using sandbox = await Sandbox.create()
      const server = await serve(sandbox, '--stop-delay', '1s')
      server.kill('SIGTERM')
      await until('it is stopping', () => server.stderr.includes('stopping'))
      server.kill('SIGUSR2')
      await until('the refusal is told', () => server.stderr.includes('no restart: the server is stopping'))
      expect((await server.finished()).code).toBe(0)
      expect(await sandbox.processes()).toEqual([])
    },
    TEST_TIMEOUT_MS,
  )
})
