import { describe, expect, test } from 'bun:test'
import { readdirSync, readlinkSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ControlClient, findInstances } from '@rip/manager'
import { type Load, startLoad } from '../load.ts'
import { Sandbox, type Server, until } from '../server.ts'

const TEST_TIMEOUT_MS = 90_000
const RELOADS = 3
const PER_SECOND = 100
const BODY = 'x'.repeat(16_256)

const appOf = (version: number): string => `export default async (request) => {
  const { length } = await request.text()
  await Bun.sleep(5)
  return Response.json({ version: ${version}, pid: process.pid, manager: process.ppid, body: length })
}
`

/** Begins a session for whoever has none, and does not know those of other workers. */
const SESSIONS = `const sessions = new Set()
export default ({ headers }) => {
  const asked = headers.get('x-session')
  if (asked !== null) return new Response(null, { status: sessions.has(asked) ? 200 : 404 })
  const begun = crypto.randomUUID()
  sessions.add(begun)
  return new Response(null, { headers: { 'x-session': begun } })
}
`

async function application(sandbox: Sandbox, version = 1): Promise<string> {
  await writeFile(join(sandbox.folder, 'index.js'), appOf(version))
  return sandbox.folder
}

/** A manager without a balancer. */
function launchManager(sandbox: Sandbox): Server {
  return sandbox.launch('manager', 'w:2', sandbox.folder)
}

/** The manager's pid when all its workers are ready. */
async function managed(sandbox: Sandbox, besides = 0): Promise<number> {
  return until('a manager serves', async () => {
    const instance = findInstances(sandbox.env()).find(({ pid }) => pid !== besides)
    if (instance === undefined) return undefined
    const status = await new ControlClient(instance.control).status().catch(() => undefined)
    return status?.readyWorkers === 2 && status.health === 'ok' ? instance.pid : undefined
  })
}

async function startBalancer(sandbox: Sandbox, port = 0): Promise<Server> {
  const balancer = sandbox.launch('balancer', sandbox.folder, '--listen', `127.0.0.1:${port}`)
  balancer.url = await until(`the balancer listens; it says: ${balancer.stderr}`, () => {
    if (balancer.exitCode !== null) throw new Error(`exit code ${balancer.exitCode}: ${balancer.stderr}`)
    return /^listening (\S+)/m.exec(balancer.stdout)?.[1]
  })
  return balancer
}

const portOf = ({ url }: Server): number => Number(new URL(url).port)

async function hasJoined(balancer: Server, manager: number): Promise<void> {
  await balancer.says(new RegExp(`joined the manager of .*, process ${manager}\\b`))
}

async function ended(server: Server): Promise<number> {
  return (await server.finished()).code
}

const loadOn = ({ url }: Server): Load => startLoad({ url, path: '/', perSecond: PER_SECOND, post: BODY })

/** Resolves when that many more requests have been sent. */
async function sent(load: Load, more: number): Promise<void> {
  const target = load.sent + more
  await until(`${more} more requests were sent`, () => load.sent >= target)
}

const bothAreReady = async (sandbox: Sandbox): Promise<readonly [Server, number]> => {
  await application(sandbox)
  launchManager(sandbox)
  const manager = await managed(sandbox)
  const balancer = await startBalancer(sandbox)
  await hasJoined(balancer, manager)
  return [balancer, manager]
}

describe('a balancer and a manager in separate processes form one system', () => {
  test(
    'when the balancer starts first: it says that it waits, and keeps requests',
    async () => {
      await using sandbox = await Sandbox.create()
      await application(sandbox)
      const balancer = await startBalancer(sandbox)
      await balancer.says('waiting for the manager of')
      const answer = balancer.json('/')
      launchManager(sandbox)
      const manager = await managed(sandbox)
      expect((await answer)['manager']).toBe(manager)
      await hasJoined(balancer, manager)
    },
    TEST_TIMEOUT_MS,
  )

  test(
    'when the manager starts first',
    async () => {
      await using sandbox = await Sandbox.create()
      const [balancer, manager] = await bothAreReady(sandbox)
      expect((await balancer.json('/'))['manager']).toBe(manager)
      expect(balancer.stderr).not.toContain('waiting')
      const { stdout } = await sandbox.run('status')
      expect(stdout).toMatch(new RegExp(`^balancer +${balancer.url}, process ${balancer.pid}$`, 'm'))
    },
    TEST_TIMEOUT_MS,
  )

  test(
    'and reload under load without losing a request, whole bodies included',
    async () => {
      await using sandbox = await Sandbox.create()
      const [balancer] = await bothAreReady(sandbox)
      const other = await startBalancer(sandbox, portOf(balancer))
      await other.says('joined')
      const load = loadOn(balancer)
      for (let version = 2; version <= RELOADS + 1; version++) {
        await sent(load, PER_SECOND / 2)
        await application(sandbox, version)
        const { code, stderr } = await sandbox.run('reload', sandbox.folder)
        expect([code, stderr]).toEqual([0, expect.any(String)])
        expect((await balancer.json('/'))['version']).toBe(version)
      }
      await sent(load, PER_SECOND / 2)
      const { failures, answers } = await load.stop()
      expect(failures).toEqual([])
      const versions = answers.map(({ version }) => Number(version))
      expect(new Set(versions).size).toBe(RELOADS + 1)
    },
    TEST_TIMEOUT_MS,
  )

  test(
    'while balancers are replaced one after the other, all on one port',
    async () => {
      await using sandbox = await Sandbox.create()
      const [first] = await bothAreReady(sandbox)
      const load = loadOn(first)
      let serving = first
      for (let times = 0; times < RELOADS; times++) {
        const next = await startBalancer(sandbox, portOf(first))
        await next.says('joined')
        await sent(load, PER_SECOND / 2)
        serving.kill('SIGTERM')
        expect(await ended(serving)).toBe(0)
        serving = next
      }
      await sent(load, PER_SECOND / 2)
      expect((await load.stop()).failures).toEqual([])
    },
    TEST_TIMEOUT_MS,
  )

  test(
    'while the manager is replaced by another',
    async () => {
      await using sandbox = await Sandbox.create()
      const [balancer, manager] = await bothAreReady(sandbox)
      const load = loadOn(balancer)
      await sent(load, PER_SECOND / 2)
      const { code, stderr } = await sandbox.run('restart', '--manager')
      expect([code, stderr]).toEqual([0, expect.any(String)])
      const successor = await managed(sandbox, manager)
      await hasJoined(balancer, successor)
      await sent(load, PER_SECOND)
      const { failures, answers } = await load.stop()
      expect(failures).toEqual([])
      expect(new Set(answers.map((answer) => answer['manager']))).toEqual(new Set([manager, successor]))
    },
    TEST_TIMEOUT_MS,
  )

  test(
    'while the manager is stopped and started again: requests wait meanwhile',
    async () => {
      await using sandbox = await Sandbox.create()
      const [balancer, manager] = await bothAreReady(sandbox)
      const load = loadOn(balancer)
      await sent(load, PER_SECOND / 2)
      expect((await sandbox.run('stop')).code).toBe(0)
      await balancer.says('waiting for the manager of')
      await sent(load, PER_SECOND / 2)
      launchManager(sandbox)
      const next = await managed(sandbox, manager)
      await hasJoined(balancer, next)
      await sent(load, PER_SECOND / 2)
      expect((await load.stop()).failures).toEqual([])
    },
    TEST_TIMEOUT_MS,
  )

  test(
    'after the manager was killed: new requests wait for the next one',
    async () => {
      await using sandbox = await Sandbox.create()
      const [balancer, manager] = await bothAreReady(sandbox)
      process.kill(manager, 'SIGKILL')
      await balancer.says('waiting for the manager of')
      const answer = balancer.json('/')
      launchManager(sandbox)
      const next = await managed(sandbox, manager)
      expect((await answer)['manager']).toBe(next)
    },
    TEST_TIMEOUT_MS,
  )

  test(
    'and a stopped balancer does not block a reload, and gets it when it continues',
    async () => {
      await using sandbox = await Sandbox.create()
      const [balancer] = await bothAreReady(sandbox)
      process.kill(balancer.pid, 'SIGSTOP')
      await application(sandbox, 2)
      const { code, stderr } = await sandbox.run('reload')
      process.kill(balancer.pid, 'SIGCONT')
      expect([code, stderr]).toEqual([0, expect.any(String)])
      await until('the balancer routes to the new code', async () => {
        const answer = await fetch(balancer.url, { keepalive: false })
        return answer.ok && ((await answer.json()) as { version: number }).version === 2
      })
    },
    TEST_TIMEOUT_MS,
  )

  test(
    'and a stopped balancer does not keep a bad release in service',
    async () => {
      await using sandbox = await Sandbox.create()
      await application(sandbox)
      sandbox.launch('manager', 'w:2', '--rollback-window', '60s', sandbox.folder)
      const manager = await managed(sandbox)
      const balancer = await startBalancer(sandbox)
      const still = await startBalancer(sandbox)
      for (const each of [balancer, still]) await hasJoined(each, manager)
      const load = loadOn(balancer)
      await sent(load, PER_SECOND / 2)
      await writeFile(
        join(sandbox.folder, 'index.js'),
        "export default () => new Response('bad', { status: 500 })\n",
      )
      expect((await sandbox.run('reload')).code).toBe(0)
      process.kill(still.pid, 'SIGSTOP')
      await until('the code before answers again', async () => {
        const { code, stdout } = await sandbox.run('status', '--json')
        expect([0, 1]).toContain(code)
        return (
          (JSON.parse(stdout) as { lastRefusal: { code: string } | null }).lastRefusal?.code === 'rolled-back'
        )
      })
      process.kill(still.pid, 'SIGCONT')
      expect((await balancer.json('/'))['version']).toBe(1)
      await load.stop()
    },
    TEST_TIMEOUT_MS,
  )

  test(
    'that keep each client where it is: with sticky, all of them know who answers it, and so do their successors',
    async () => {
      await using sandbox = await Sandbox.create()
      await application(sandbox)
      await writeFile(
        join(sandbox.folder, 'rip-server.config.js'),
        "export default { balancer: { policy: 'sticky' } }\n",
      )
      const server = await sandbox.start(sandbox.folder, 'w:4', '0', '-b', '127.0.0.1')
      const first = await startBalancer(sandbox)
      await hasJoined(first, server.pid)
      const known = await fetch(first.url, { keepalive: false })
      const cookie = known.headers.get('set-cookie')!.split(';')[0]!
      const { pid } = (await known.json()) as { pid: number }
      const next = await startBalancer(sandbox)
      await hasJoined(next, server.pid)
      first.kill('SIGTERM')
      expect(await ended(first)).toBe(0)
      for (const { url } of [next, next, server, server, server, server]) {
        const answer = await fetch(url, { headers: { cookie }, keepalive: false })
        expect(answer.headers.get('set-cookie')).toBeNull()
        expect(((await answer.json()) as { pid: number }).pid).toBe(pid)
      }
    },
    TEST_TIMEOUT_MS,
  )

  test(
    'that know each session: with learn, what one balancer has learned the others know, and their successors',
    async () => {
      await using sandbox = await Sandbox.create()
      await writeFile(join(sandbox.folder, 'index.js'), SESSIONS)
      await writeFile(
        join(sandbox.folder, 'rip-server.config.js'),
        "export default { balancer: { policy: 'learn', learnedField: 'x-session' } }\n",
      )
      const server = await sandbox.start(sandbox.folder, 'w:4', '0', '-b', '127.0.0.1')
      const first = await startBalancer(sandbox)
      await hasJoined(first, server.pid)
      const session = (await fetch(first.url, { keepalive: false })).headers.get('x-session')!
      const next = await startBalancer(sandbox)
      await hasJoined(next, server.pid)
      first.kill('SIGTERM')
      expect(await ended(first)).toBe(0)
      for (const { url } of [next, next, server, server, server, server]) {
        const answer = await fetch(url, { headers: { 'x-session': session }, keepalive: false })
        expect(answer.status).toBe(200)
      }
    },
    TEST_TIMEOUT_MS,
  )

  test(
    'when a whole server runs already, as a second balancer for its workers',
    async () => {
      await using sandbox = await Sandbox.create()
      await application(sandbox)
      const server = await sandbox.start(sandbox.folder, 'w:2', '0', '-b', '127.0.0.1')
      const balancer = await startBalancer(sandbox)
      await hasJoined(balancer, server.pid)
      expect((await balancer.json('/'))['manager']).toBe(server.pid)
      await application(sandbox, 2)
      expect((await sandbox.run('reload')).code).toBe(0)
      expect((await balancer.json('/'))['version']).toBe(2)
      expect((await server.json('/'))['version']).toBe(2)
    },
    TEST_TIMEOUT_MS,
  )

  test(
    'and leave nothing behind when they have ended',
    async () => {
      await using sandbox = await Sandbox.create()
      const [balancer] = await bothAreReady(sandbox)
      expect((await sandbox.run('stop')).code).toBe(0)
      await balancer.says('waiting for the manager of')
      balancer.kill('SIGTERM')
      expect(await ended(balancer)).toBe(0)
      await until('no process is left', async () => (await sandbox.processes()).length === 0)
      expect(await sandbox.leftovers()).toEqual([join(sandbox.runDirs, 'rip-server')])
    },
    TEST_TIMEOUT_MS,
  )
})

describe('a balancer that wants to join', () => {
  test('explains in its help how to join', async () => {
    await using sandbox = await Sandbox.create()
    const { code, stdout } = await sandbox.run('balancer', '--help')
    expect([code, stdout]).toEqual([0, expect.stringContaining('joins the manager of an application')])
    expect(stdout).toContain('--idle-timeout TIME')
  })

  test('names arguments that it does not understand', async () => {
    await using sandbox = await Sandbox.create()
    const { code, stderr } = await sandbox.run('balancer', sandbox.folder, '--prot', '3000')
    expect([code, stderr]).toEqual([2, expect.stringContaining('did you mean --port?')])
  })

  test(
    'uses the configuration of the application, reads it again on SIGHUP, and keeps the old one when it is invalid',
    async () => {
      await using sandbox = await Sandbox.create()
      await bothAreReady(sandbox)
      const configure = (values: string): Promise<void> =>
        writeFile(join(sandbox.folder, 'rip-server.config.ts'), `export default { ${values} }\n`)
      await configure("port: 0, bind: '127.0.0.1', maxBody: '1KiB'")
      const balancer = sandbox.launch('balancer', sandbox.folder)
      const url = await until('it listens', () => /^listening (\S+)/m.exec(balancer.stdout)?.[1])
      await balancer.says('joined')
      const post = async (): Promise<number> =>
        (await fetch(url, { method: 'POST', body: 'x'.repeat(2_000), keepalive: false })).status
      expect(await post()).toBe(413)
      await configure("port: 0, bind: '127.0.0.1', maxBody: '1MiB'")
      balancer.kill('SIGHUP')
      await balancer.says('configuration reloaded')
      expect(await post()).toBe(200)
      await configure("maxBody: 'lots'")
      balancer.kill('SIGHUP')
      expect(await balancer.says('kept the running configuration')).toContain('maxBody: expected a size')
      expect(await post()).toBe(200)
    },
    TEST_TIMEOUT_MS,
  )

  test(
    'refuses a port in use, and names the process',
    async () => {
      await using sandbox = await Sandbox.create()
      await application(sandbox)
      using other = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: () => new Response('other') })
      const address = `127.0.0.1:${other.port}`
      const { code, stderr } = await sandbox.run('balancer', sandbox.folder, '--listen', address)
      expect([code, stderr]).toEqual([1, expect.stringContaining(`${address} is in use by`)])
    },
    TEST_TIMEOUT_MS,
  )

  test(
    'has to be the process that listens on its admin socket',
    async () => {
      await using sandbox = await Sandbox.create()
      const [balancer, manager] = await bothAreReady(sandbox)
      const { control, runDir } = findInstances(sandbox.env())[0]!
      const client = new ControlClient(control)
      const refusal = (pid: number, socket: string): Promise<string> =>
        client
          .join({ pid, socket: join(runDir, socket) })
          .next()
          .then(
            () => 'joined',
            (error: Error) => error.message,
          )
      expect(await refusal(process.pid, `joined-${balancer.pid}.sock`)).toStartWith(
        `balancer process ${process.pid} cannot join: nothing of that process listens`,
      )
      expect(await refusal(manager, 'nowhere.sock')).toContain('cannot join')
    },
    TEST_TIMEOUT_MS,
  )
})

describe('the folder current', () => {
  test(
    'has links to the serving workers, with the same names after a reload',
    async () => {
      await using sandbox = await Sandbox.create()
      await application(sandbox)
      launchManager(sandbox)
      await managed(sandbox)
      const { runDir } = findInstances(sandbox.env())[0]!
      const current = join(runDir, 'current')
      const ask = async (name: string): Promise<unknown> =>
        (await fetch('http://localhost/', { unix: join(current, name), keepalive: false })).json()
      const names = ['1.sock', '2.sock']
      expect(readdirSync(current).toSorted()).toEqual(names)
      const before = names.map((name) => readlinkSync(join(current, name)))
      expect(await Promise.all(names.map(ask))).toMatchObject([{ version: 1 }, { version: 1 }])
      await application(sandbox, 2)
      expect((await sandbox.run('reload')).code).toBe(0)
      expect(readdirSync(current).toSorted()).toEqual(names)
      expect(await Promise.all(names.map(ask))).toMatchObject([{ version: 2 }, { version: 2 }])
      expect(names.map((name) => readlinkSync(join(current, name)))).not.toEqual(before)
    },
    TEST_TIMEOUT_MS,
  )
})
