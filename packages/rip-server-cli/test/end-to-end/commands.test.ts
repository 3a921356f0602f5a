import { describe, expect, test } from 'bun:test'
import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { findInstances } from '@rip/manager'
import { basename, join } from 'node:path'
import { Sandbox, type Server, until } from '../server.ts'

const TEST_TIMEOUT_MS = 60_000

/** A small application with two workers. */
async function small(sandbox: Sandbox, ...args: string[]): Promise<{ app: string; server: Server }> {
  const app = await sandbox.fixture('ts-app')
  return { app, server: await sandbox.start(app, 'w:2', '0', '-b', '127.0.0.1', ...args) }
}

describe('status', () => {
  test(
    'shows the server, as text and as JSON',
    async () => {
      await using sandbox = await Sandbox.create()
      const { app, server } = await small(sandbox)
      const { code, stdout } = await sandbox.run('status', app)
      expect(code).toBe(0)
      expect(stdout).toContain(`ts-app, process ${server.pid}`)
      expect(stdout).toContain(server.url)
      expect(stdout).toMatch(/^w2\.\d+ +\d+ +ready /m)
      const json = await sandbox.run('status', '--json')
      expect(JSON.parse(json.stdout)).toMatchObject({
        health: 'ok',
        readyWorkers: 2,
        pid: server.pid,
        url: server.url,
      })
    },
    TEST_TIMEOUT_MS,
  )

  test(
    'finds an instance by the name that ps shows, and reports one that does not answer',
    async () => {
      await using sandbox = await Sandbox.create()
      const { app, server } = await small(sandbox)
      const second = await sandbox.start(app, 'w:1', '0', '--name', 'two')
      const shown = basename(app)
      const named = await sandbox.run('status', '--name', shown, '--json')
      expect(JSON.parse(named.stdout)).toMatchObject({ name: shown, pid: server.pid })
      expect(await sandbox.run('status', '--name', 'three')).toMatchObject({ code: 7 })
      second.kill('SIGSTOP')
      const [status, ps] = await Promise.all([sandbox.run('status', '--name', 'two'), sandbox.run('ps')])
      second.kill('SIGCONT')
      expect(status.code).toBe(9)
      expect([ps.code, ps.stdout, ps.stderr]).toEqual([
        0,
        expect.stringContaining(shown),
        expect.stringContaining(`two, process ${second.pid}, does not answer`),
      ])
    },
    TEST_TIMEOUT_MS,
  )

  test(
    'accepts the name that ps shows in place of an application, and names instances elsewhere',
    async () => {
      await using sandbox = await Sandbox.create()
      const releases = join(sandbox.folder, 'shop')
      const app = await sandbox.fixture('ts-app')
      await mkdir(releases)
      await symlink(app, join(releases, 'current'))
      const server = await sandbox.start(join(releases, 'current'), 'w:1', '0', '-b', '127.0.0.1')
      const { runDir } = findInstances(sandbox.env())[0]!
      expect(JSON.parse((await sandbox.run('status', 'shop', '--json')).stdout)).toMatchObject({
        name: 'shop',
        pid: server.pid,
      })
      expect((await sandbox.run('scale', '2', 'shop')).code).toBe(0)
      expect(await sandbox.run('status', 'blog')).toMatchObject({
        code: 7,
        stderr: expect.stringContaining('nothing called blog is running (what runs: shop)'),
      })
      sandbox.variables = { XDG_RUNTIME_DIR: join(sandbox.folder, 'other') }
      for (const command of ['status', 'ps']) {
        const { stderr } = await sandbox.run(command)
        expect(stderr).toContain('nothing is running')
        expect(stderr).toContain(`shop runs in ${runDir}: add --run-dir ${runDir}`)
      }
      expect((await sandbox.run('status', '--run-dir', runDir)).code).toBe(0)
    },
    TEST_TIMEOUT_MS,
  )

  test(
    'of several instances needs a name',
    async () => {
      await using sandbox = await Sandbox.create()
      const { app } = await small(sandbox, '--name', 'one')
      const second = await sandbox.start(app, 'w:1', '0', '--name', 'two')
      const unnamed = await sandbox.run('status')
      expect([unnamed.code, unnamed.stderr]).toEqual([
        2,
        expect.stringContaining('2 instances are running (one, two)'),
      ])
      const named = await sandbox.run('status', '--name', 'two', '--json')
      expect(JSON.parse(named.stdout)).toMatchObject({ name: 'two', pid: second.pid })
      const { stdout } = await sandbox.run('ps', '--json')
      expect((JSON.parse(stdout) as { name: string }[]).map(({ name }) => name)).toEqual(['one', 'two'])
    },
    TEST_TIMEOUT_MS,
  )
})

test(
  'a broken configuration does not keep an operator from a running server',
  async () => {
    await using sandbox = await Sandbox.create()
    const { app, server } = await small(sandbox)
    await writeFile(join(app, 'rip-server.config.ts'), 'export default {')
    expect((await sandbox.run('status', app)).code).toBe(0)
    expect((await sandbox.run('stop', app)).code).toBe(0)
    expect((await server.finished()).code).toBe(0)
  },
  TEST_TIMEOUT_MS,
)

describe('scale', () => {
  test(
    'adds and removes workers, also by signal',
    async () => {
      await using sandbox = await Sandbox.create()
      const { server } = await small(sandbox)
      expect((await sandbox.run('scale', '+1')).code).toBe(0)
      expect((await sandbox.snapshot(server)).readyWorkers).toBe(3)
      expect((await sandbox.run('scale', '1')).code).toBe(0)
      server.kill('SIGTTIN')
      await until('two are ready', async () => (await sandbox.snapshot(server)).readyWorkers === 2)
      server.kill('SIGTTOU')
      await until('one is wanted', async () => (await sandbox.snapshot(server)).wantedWorkers === 1)
    },
    TEST_TIMEOUT_MS,
  )

  test(
    'refuses an invalid number of workers',
    async () => {
      await using sandbox = await Sandbox.create()
      const { server } = await small(sandbox)
      for (const amount of ['many', '0', '-2']) expect((await sandbox.run('scale', amount)).code).toBe(2)
      expect((await sandbox.snapshot(server)).wantedWorkers).toBe(2)
    },
    TEST_TIMEOUT_MS,
  )
})

test(
  'restart replaces every process, by command and by USR1',
  async () => {
    await using sandbox = await Sandbox.create()
    const { server } = await small(sandbox)
    const pids = async (): Promise<number[]> => {
      const { workers } = await sandbox.snapshot(server)
      return workers.filter(({ state }) => state === 'ready').map(({ pid }) => pid)
    }
    const before = await pids()
    const { code, stdout } = await sandbox.run('restart')
    expect([code, stdout]).toEqual([0, expect.stringMatching(/^[0-9a-f]{7} restarted in [\d.]+ m?s\n$/)])
    const between = await pids()
    expect(between.filter((pid) => before.includes(pid))).toEqual([])
    server.kill('SIGUSR1')
    await until('all are new', async () => (await pids()).every((pid) => !between.includes(pid)))
  },
  TEST_TIMEOUT_MS,
)

test(
  'HUP reloads, rollback returns, hold and release suspend and resume',
  async () => {
    await using sandbox = await Sandbox.create()
    const { app, server } = await small(sandbox)
    const greet = (text: string): Promise<void> =>
      writeFile(join(app, 'greeting.ts'), `export const greeting = '${text}'\n`)
    const greeting = async (): Promise<string> => (await fetch(server.url)).text()
    await greet('second')
    server.kill('SIGHUP')
    await until('the second is served', async () => (await greeting()) === 'second')
    expect((await sandbox.run('rollback', '--reason', 'try')).code).toBe(0)
    expect(await greeting()).toBe('hello from TypeScript')
    await greet('third')
    expect((await sandbox.run('hold')).code).toBe(0)
    const held = await sandbox.run('reload')
    expect([held.code, await greeting()]).toEqual([8, 'hello from TypeScript'])
    expect((await sandbox.run('release')).code).toBe(0)
    expect((await sandbox.run('reload')).code).toBe(0)
    expect(await greeting()).toBe('third')
    const again = await sandbox.run('reload')
    expect([again.code, again.stdout]).toEqual([0, expect.stringContaining('serves already')])
  },
  TEST_TIMEOUT_MS,
)

test(
  '--hotfix takes up changes in production',
  async () => {
    await using sandbox = await Sandbox.create()
    const { app, server } = await small(sandbox, '--hotfix')
    await writeFile(join(app, 'greeting.ts'), `export const greeting = 'fixed'\n`)
    await until('the fix is served', async () => (await (await fetch(server.url)).text()) === 'fixed')
    const { stdout } = await sandbox.run('why', join(app, 'greeting.ts'))
    expect(stdout).toMatch(/^imported +\S*server\.ts → \S*greeting\.ts$/m)
    expect(stdout).toMatch(/^a change +reloads ts-app, which watches its files$/m)
  },
  TEST_TIMEOUT_MS,
)

test(
  '--health keeps unhealthy code from serving',
  async () => {
    await using sandbox = await Sandbox.create()
    const app = await sandbox.demo()
    const server = await sandbox.start(app, 'w:1', '0', '--health', '/up')
    await writeFile(join(app, 'routes/status.rip'), `import { Hono } from 'hono'\nexport status = new Hono\n`)
    const { code, stderr } = await sandbox.run('reload')
    expect([code, stderr]).toEqual([8, expect.stringContaining('GET /up was answered 404')])
    expect((await fetch(`${server.url}/up`)).status).toBe(200)
  },
  TEST_TIMEOUT_MS,
)

test(
  'events and logs follow the server until it stops',
  async () => {
    await using sandbox = await Sandbox.create()
    const app = await sandbox.fixture('ts-app')
    await writeFile(
      join(app, 'greeting.ts'),
      `export const greeting = 'hello'\nconsole.log('a line on stdout')\n`,
    )
    const server = await sandbox.start(app, 'w:1', '0')
    expect(server.stdout).toBe('w1 | a line on stdout\n')
    const events = sandbox.launch('events', '--json')
    const logs = sandbox.launch('logs')
    await until('the log is read', () => logs.stdout.includes('w1 | a line on stdout\n'))
    // The stream must have begun before the event.
    await until('an event arrives', async () => {
      await sandbox.run('hold')
      await sandbox.run('release')
      return events.stdout.includes('"type":"held"')
    })
    const past = await sandbox.run('events', '--past', '--no-follow', '--json')
    const kept = past.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { seq: number; type: string })
    expect([past.code, kept[0]?.seq]).toEqual([0, 1])
    expect(kept.map(({ type }) => type)).toEqual(expect.arrayContaining(['generation-cut', 'held']))
    const since = await sandbox.run('events', '--since', '5m', '--no-follow', '--json')
    expect(since.stdout).toContain('"type":"generation-cut"')
    const own = [
      '--no-follow',
      '--since',
      '5m',
      '--worker',
      '1',
      '--grep',
      'on STDOUT',
      '-n',
      '1',
      '--timestamps',
    ]
    expect((await sandbox.run('logs', ...own)).stdout).toBe('')
    const found = await sandbox.run('logs', ...own.map((word) => word.toLowerCase()))
    expect(found.stdout).toMatch(/^\d{4}-\S+Z w1 \| a line on stdout\n$/)
    const other = await sandbox.run('logs', '--worker', '7', '-f')
    expect([other.code, other.stderr]).toEqual([2, 'rip-server: there is no worker w7; there is w1\n'])
    expect((await sandbox.run('stop')).code).toBe(0)
    const [told, logged] = await Promise.all([events.finished(), logs.finished()])
    expect([told.code, logged.code]).toEqual([0, 0])
    const types = told.stdout
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { type: string }).type)
    expect(types).toContain('stopping')
  },
  TEST_TIMEOUT_MS,
)

test(
  'check proves an application and leaves nothing behind',
  async () => {
    await using sandbox = await Sandbox.create()
    const good = await sandbox.run('check', await sandbox.fixture('ts-app'))
    expect([good.code, good.stderr]).toEqual([0, expect.stringMatching(/ is ready after [\d.]+ m?s\n$/)])
    const healthy = await sandbox.run('check', await sandbox.fixture('ts-app'), '--health', '/up')
    expect([healthy.code, healthy.stderr]).toEqual([0, expect.stringContaining(', health check /up passed')])
    const bad = await sandbox.run('check', await sandbox.fixture('fails-ready'), '--json')
    expect([bad.code, bad.stderr]).toEqual([3, expect.stringContaining('the database does not answer')])
    expect(await sandbox.processes()).toEqual([])
  },
  TEST_TIMEOUT_MS,
)

describe('one layer alone', () => {
  test(
    'the worker serves on a port and stops on TERM',
    async () => {
      await using sandbox = await Sandbox.create()
      const worker = sandbox.launch('worker', await sandbox.fixture('ts-app'), '0')
      const url = await until('it listens', () => /^listening (\S+)$/m.exec(worker.stdout)?.[1])
      expect(await (await fetch(url)).text()).toBe('hello from TypeScript')
      worker.kill('SIGTERM')
      expect((await worker.finished()).code).toBe(0)
    },
    TEST_TIMEOUT_MS,
  )

  test(
    'the manager keeps workers on sockets',
    async () => {
      await using sandbox = await Sandbox.create()
      const manager = sandbox.launch('manager', await sandbox.fixture('ts-app'), 'w:2')
      await manager.says('each worker has a socket')
      const { workers } = await sandbox.snapshot(manager)
      for (const { socket } of workers) {
        expect(await (await fetch('http://localhost/', { unix: socket })).text()).toBe(
          'hello from TypeScript',
        )
      }
      manager.kill('SIGTERM')
      expect((await manager.finished()).code).toBe(0)
    },
    TEST_TIMEOUT_MS,
  )

  test(
    'the balancer stands in front of any server',
    async () => {
      await using sandbox = await Sandbox.create()
      using backend = Bun.serve({ port: 0, fetch: () => new Response('backend') })
      const balancer = sandbox.launch(
        'balancer',
        '--listen',
        '127.0.0.1:0',
        '--to',
        `127.0.0.1:${backend.port}`,
      )
      const url = await until('it listens', () => /^listening (\S+)$/m.exec(balancer.stdout)?.[1])
      expect(await (await fetch(url)).text()).toBe('backend')
      balancer.kill('SIGTERM')
      expect((await balancer.finished()).code).toBe(0)
    },
    TEST_TIMEOUT_MS,
  )
})

test(
  'compile writes JavaScript to stdout, or files with maps',
  async () => {
    await using sandbox = await Sandbox.create()
    const app = await sandbox.demo()
    const printed = await sandbox.run('compile', join(app, 'lib/worker.rip'))
    expect([printed.code, printed.stdout]).toEqual([0, expect.stringContaining('whoami')])
    const out = join(sandbox.folder, 'out')
    expect((await sandbox.run('compile', app, '--out', out, '--map')).code).toBe(0)
    expect(await Bun.file(join(out, 'routes/live.js.map')).exists()).toBe(true)
    await writeFile(join(app, 'lib/worker.rip'), 'x = (\n')
    const refused = await sandbox.run('compile', join(app, 'lib/worker.rip'))
    expect([refused.code, refused.stderr]).toEqual([4, expect.stringContaining('> 1 | x = (')])
    const typed = await sandbox.run('compile', join(app, 'lib/notes.rip'), '--types')
    expect([typed.code, typed.stderr]).toEqual([
      2,
      expect.stringContaining('declaration files need a folder for the results'),
    ])
    expect((await sandbox.run('compile', join(app, 'lib/notes.rip'), '--types', '--out', out)).code).toBe(0)
    expect(await Bun.file(join(out, 'notes.d.ts')).text()).toContain(
      'export function addNote(note: any): any',
    )
  },
  TEST_TIMEOUT_MS,
)
