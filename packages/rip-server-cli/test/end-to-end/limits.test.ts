import { describe, expect, test } from 'bun:test'
import { existsSync, statSync } from 'node:fs'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { startLoad } from '../load.ts'
import { PROGRAM, Sandbox, until } from '../server.ts'

const TEST_TIMEOUT_MS = 60_000

/** Makes the copy of the application load slowly. */
async function slowToLoad(app: string): Promise<void> {
  await writeFile(join(app, 'greeting.ts'), `await Bun.sleep(20_000)\nexport const greeting = 'late'\n`)
}

test(
  'a reload that takes longer than --timeout: exit 9, and the reload goes on',
  async () => {
    await using sandbox = await Sandbox.create()
    const app = await sandbox.fixture('ts-app')
    const server = await sandbox.start(app, 'w:1', '0')
    await slowToLoad(app)
    const { code, stderr } = await sandbox.run('reload', '--timeout', '300ms')
    expect([code, stderr]).toEqual([9, expect.stringContaining('did not finish within 300 ms')])
    expect(await (await fetch(server.url)).text()).toBe('hello from TypeScript')
  },
  TEST_TIMEOUT_MS,
)

describe('a start that is interrupted', () => {
  for (const [signal, code] of [
    ['SIGTERM', 143],
    ['SIGINT', 130],
  ] as const) {
    test(
      `by ${signal}: exit ${code}, and nothing is left`,
      async () => {
        await using sandbox = await Sandbox.create()
        const app = await sandbox.fixture('ts-app')
        await slowToLoad(app)
        const server = sandbox.launch(app, 'w:1', '0')
        await until('a worker is starting', async () => (await sandbox.processes()).length >= 3)
        server.kill(signal)
        expect((await server.finished()).code).toBe(code)
        await until('no process is left', async () => (await sandbox.processes()).length === 0)
      },
      TEST_TIMEOUT_MS,
    )
  }
})

test(
  'a worker that is not ready within --boot-timeout: exit 3',
  async () => {
    await using sandbox = await Sandbox.create()
    const app = await sandbox.fixture('ts-app')
    await slowToLoad(app)
    const { code, stderr } = await sandbox.run(app, 'w:1', '0', '--boot-timeout', '500ms')
    expect([code, stderr]).toEqual([3, expect.stringContaining('500 ms')])
  },
  TEST_TIMEOUT_MS,
)

test(
  'workers are recycled after their requests, and none is lost',
  async () => {
    await using sandbox = await Sandbox.create()
    const app = await sandbox.fixture('ts-app')
    const server = await sandbox.start(app, 'w:2', 'r:20', '0', '-b', '127.0.0.1')
    const load = startLoad({ url: server.url, path: '/api/whoami', perSecond: 100 })
    await server.says('was recycled (requests)')
    const report = await load.stop()
    expect(report.failures).toEqual([])
    expect(new Set(report.answers.map(({ pid }) => pid)).size).toBeGreaterThanOrEqual(2)
  },
  TEST_TIMEOUT_MS,
)

test(
  'a balancer that is killed is replaced, and clients that connect meanwhile wait',
  async () => {
    await using sandbox = await Sandbox.create()
    const app = await sandbox.fixture('ts-app')
    const server = await sandbox.start(app, 'w:1', '0', '-b', '127.0.0.1', '--verbose')
    const pid = Number(/service-ready service="balancer" pid=(\d+)/.exec(server.stderr)?.[1])
    process.kill(pid, 'SIGKILL')
    // The listening socket does not belong to the balancer: this connection waits for the next one.
    expect(await (await fetch(server.url, { keepalive: false })).text()).toBe('hello from TypeScript')
    await server.says('balancer ended')
  },
  TEST_TIMEOUT_MS,
)

test(
  'a run directory that is removed comes back, and the workers behind it are replaced',
  async () => {
    await using sandbox = await Sandbox.create()
    const app = await sandbox.fixture('ts-app')
    const server = await sandbox.start(app, 'w:2', '0', '-b', '127.0.0.1')
    const before = (await sandbox.snapshot(server)).workers.map(({ pid }) => pid)
    await rm(sandbox.runDirs, { recursive: true })
    await server.says('the run directory was removed')
    const workers = await until('other workers serve on sockets that are there', async () => {
      const { workers } = await sandbox.snapshot(server).catch(() => ({ workers: [] }))
      const others = workers.filter(({ pid, state }) => state === 'ready' && !before.includes(pid))
      return others.length === 2 && others.length === workers.length ? others : undefined
    })
    for (const { socket } of workers) expect(existsSync(socket)).toBe(true)
    const load = startLoad({ url: server.url, path: '/api/whoami', perSecond: 50 })
    expect((await sandbox.run('reload')).code).toBe(0)
    await writeFile(join(app, 'greeting.ts'), `export const greeting = 'after'\n`)
    expect((await sandbox.run('reload')).code).toBe(0)
    expect(await (await fetch(server.url)).text()).toBe('after')
    expect((await load.stop()).failures).toEqual([])
    expect((await sandbox.run('stop')).code).toBe(0)
    expect((await server.finished()).code).toBe(0)
  },
  TEST_TIMEOUT_MS,
)

test(
  'a Unix socket has the mode and group of its configuration, and is removed at the end',
  async () => {
    await using sandbox = await Sandbox.create()
    const path = join(sandbox.folder, 'front.sock')
    const bind = `unix:${path}?mode=0660&group=${process.getgid?.() ?? 0}`
    const server = sandbox.launch(await sandbox.fixture('ts-app'), 'w:1', '-b', bind)
    await server.says(`unix:${path}`)
    expect(statSync(path).mode & 0o777).toBe(0o660)
    expect(await (await fetch('http://localhost/', { unix: path })).text()).toBe('hello from TypeScript')
    server.kill('SIGTERM')
    expect((await server.finished()).code).toBe(0)
    expect(await Bun.file(path).exists()).toBe(false)
  },
  TEST_TIMEOUT_MS,
)

test(
  'a configuration in Rip is understood',
  async () => {
    await using sandbox = await Sandbox.create()
    const app = await sandbox.fixture('ts-app')
    await writeFile(join(app, 'rip-server.config.rip'), 'export default { workers: 3, drainTimeout: "5s" }\n')
    const { stdout } = await sandbox.run('config', app, '--json')
    expect(JSON.parse(stdout)).toMatchObject({ workers: 3, drainTimeoutMs: 5000 })
  },
  TEST_TIMEOUT_MS,
)

describe('when the reader of its output has gone', () => {
  test(
    'a server goes on',
    async () => {
      await using sandbox = await Sandbox.create()
      const app = await sandbox.fixture('ts-app')
      await writeFile(
        join(app, 'greeting.ts'),
        `setInterval(() => console.log('a line'), 10)\nexport const greeting = 'on'\n`,
      )
      const child = Bun.spawn(['sh', '-c', `"${PROGRAM}" "${app}" w:1 0 | true`], {
        env: sandbox.env(),
        stdio: ['ignore', 'ignore', 'pipe'],
      })
      let said = ''
      const reading = child.stderr.pipeTo(
        new WritableStream({ write: (chunk) => void (said += Buffer.from(chunk).toString()) }),
      )
      const url = await until('it serves', () => /url +(http:\S+)/.exec(said)?.[1])
      for (let times = 0; times < 20; times++) {
        expect(await (await fetch(url, { keepalive: false })).text()).toBe('on')
        await Bun.sleep(10)
      }
      expect((await sandbox.run('stop')).code).toBe(0)
      await reading
    },
    TEST_TIMEOUT_MS,
  )

  test(
    'the command events ends',
    async () => {
      await using sandbox = await Sandbox.create()
      await sandbox.start(await sandbox.fixture('ts-app'), 'w:1', '0')
      const child = Bun.spawn(['sh', '-c', `"${PROGRAM}" events | true`], {
        cwd: sandbox.folder,
        env: sandbox.env(),
      })
      await until('it has ended', async () => {
        await sandbox.run('hold')
        await sandbox.run('release')
        return child.exitCode !== null
      })
    },
    TEST_TIMEOUT_MS,
  )
})
