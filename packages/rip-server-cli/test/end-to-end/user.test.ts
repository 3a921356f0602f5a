import { describe, expect, test } from 'bun:test'
import { chmodSync, chownSync, statSync } from 'node:fs'
import { copyFile, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { findInstances } from '@rip/manager'
import { startLoad } from '../load.ts'
import { Sandbox, type Server, until } from '../server.ts'
import { APP, BALANCER, GID, ids, isRoot, openSandbox, UID, USER, writeApp } from './user-sandbox.ts'
import { commonName } from './common-name.ts'

const TEST_TIMEOUT_MS = 90_000
const CERTIFICATES = fileURLToPath(
  new URL('../../../rip-balancer/test/listener/certificates/', import.meta.url),
)

async function serve(sandbox: Sandbox, ...options: string[]): Promise<Server> {
  return sandbox.start(await writeApp(sandbox), 'w:2', '0', '-b', '127.0.0.1', '--user', USER, ...options)
}

/** User numbers of the processes, by kind of process. */
async function usersOf(sandbox: Sandbox): Promise<Readonly<Record<string, readonly number[]>>> {
  const users: Record<string, number[]> = {}
  for (const pid of await sandbox.processes()) {
    const line = (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).replaceAll('\0', ' ')
    const role = /rip-balancer|rip-worker|bin\/rip-server/.exec(line)?.[0]
    const uid = /^Uid:\s+(\d+)/m.exec(await readFile(`/proc/${pid}/status`, 'utf8').catch(() => ''))?.[1]
    if (role !== undefined && uid !== undefined) (users[role] ??= []).push(Number(uid))
  }
  return users
}

async function pidsOf(sandbox: Sandbox, role: string): Promise<readonly number[]> {
  const lines = await Promise.all(
    (await sandbox.processes()).map(async (pid) => ({
      pid,
      line: await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => ''),
    })),
  )
  return lines.filter(({ line }) => line.includes(role)).map(({ pid }) => pid)
}

function ownerOf(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.uid
}

/** Folders of sockets in the run directory, one for each worker. */
async function workerFolders(sandbox: Sandbox): Promise<readonly string[]> {
  const { control } = await instanceOf(sandbox)
  return (await readdir(join(control, '..'))).filter((name) => /^w\d/.test(name))
}

describe.skipIf(!isRoot)('--user with the layers apart', () => {
  test(
    'lets only root and the --balancer-user connect to the workers, by the names in current',
    async () => {
      await using sandbox = await openSandbox()
      const folder = await writeApp(sandbox)
      const accounts = ['--user', USER, '--balancer-user', `${BALANCER}:${BALANCER}`]
      sandbox.launch('manager', folder, 'w:2', ...accounts)
      await until('the manager serves', async () => (await sandbox.run('status')).code === 0)
      const { runDir } = findInstances(sandbox.env())[0]!
      const askAs = (uid: number): string => {
        const command = ['curl', '-sS', '--unix-socket', join(runDir, 'current/1.sock'), 'http://localhost/']
        const { stdout, stderr } = Bun.spawnSync(command, { uid, gid: uid, cwd: '/' })
        return stdout.toString() || stderr.toString()
      }
      expect(JSON.parse(askAs(BALANCER))).toMatchObject({ ...ids, greeting: 'hello' })
      expect(askAs(UID)).toContain('curl: (7)')
      expect(askAs(BALANCER + 1)).toContain('curl: (7)')
      const balancer = sandbox.launch('balancer', folder, '--listen', '127.0.0.1:0')
      await balancer.says('joined the manager')
      const url = /^listening (\S+)/m.exec(balancer.stdout)?.[1] ?? ''
      expect(await (await fetch(url)).json()).toMatchObject(ids)
      expect(await sandbox.run('reload')).toMatchObject({ code: 0 })
      expect(JSON.parse(askAs(BALANCER))).toMatchObject(ids)
    },
    TEST_TIMEOUT_MS,
  )
})

describe.skipIf(!isRoot)('a command of another user', () => {
  test(
    'names the owner of an instance it may not read, and the command to run, and an address it may not listen on',
    async () => {
      await using sandbox = await openSandbox()
      await sandbox.start(await writeApp(sandbox), 'w:1', '0', '-b', '127.0.0.1')
      const { control } = await instanceOf(sandbox)
      const runDir = join(control, '..')
      sandbox.account = { uid: UID, gid: GID }
      sandbox.variables = { ...sandbox.variables, XDG_RUNTIME_DIR: join(sandbox.folder, 'other'), HOME: '/' }
      const status = await sandbox.run('status')
      expect([status.code, status.stderr]).toEqual([
        7,
        expect.stringContaining(
          `an instance in ${runDir} is owned by root: run as that user: sudo -u root rip-server`,
        ),
      ])
      const start = ['start', join(sandbox.folder, 'app'), '--bind', 'unix:/etc/rip.sock']
      const own = join(sandbox.folder, 'other')
      expect((await sandbox.run(...start)).stderr).toContain(
        `cannot use the run directory ${own}/rip-server: EACCES: permission denied, mkdir '${own}'; choose another`,
      )
      await mkdir(own)
      chownSync(own, UID, GID)
      const denied = await sandbox.run(...start)
      expect([denied.code, denied.stderr]).toEqual([
        1,
        expect.stringContaining(
          'not allowed to listen on unix:/etc/rip.sock; choose a port above 1023 or a writable folder, or grant ' +
            'CAP_NET_BIND_SERVICE',
        ),
      ])
      const given = await sandbox.run('status', '--run-dir', runDir)
      expect([given.code, given.stderr]).toEqual([7, expect.stringContaining('is owned by root')])
    },
    TEST_TIMEOUT_MS,
  )
})

describe.skipIf(!isRoot)('--user', () => {
  test(
    'runs application and balancer as two other users, through reloads, crashes and restarts',
    async () => {
      await using sandbox = await openSandbox()
      const server = await serve(sandbox)
      expect(await server.json('/')).toMatchObject({ ...ids, greeting: 'hello', home: '/' })
      const users = await usersOf(sandbox)
      expect(users['bin/rip-server']).toEqual([0])
      expect(users['rip-worker']).toEqual([UID, UID])
      const [balancer = 0] = users['rip-balancer'] ?? []
      expect(balancer).toBeGreaterThan(0)
      expect(balancer).not.toBe(UID)

      const load = startLoad({ url: server.url, path: '/', perSecond: 50 })
      // A replaced worker, new code with a new package, more workers, a new server.
      const { workers } = await sandbox.snapshot(server)
      process.kill(workers[0]!.pid, 'SIGKILL')
      await until('the worker is replaced', async () => {
        const { readyWorkers, workers: now } = await sandbox.snapshot(server)
        return readyWorkers === 2 && now.every(({ pid }) => pid !== workers[0]!.pid)
      })
      await writeFile(
        join(sandbox.folder, 'app/node_modules/greeting/index.js'),
        `export const greeting = 'good day'\n`,
      )
      expect(await sandbox.run('reload')).toMatchObject({ code: 0 })
      expect(await server.json('/')).toMatchObject({ ...ids, greeting: 'good day' })
      expect(await sandbox.run('scale', '3')).toMatchObject({ code: 0 })
      expect(await sandbox.run('restart')).toMatchObject({ code: 0 })
      const handedOver = await sandbox.run('restart', '--manager')
      expect([handedOver.code, handedOver.stderr]).toEqual([0, ''])
      await until('the server before has ended', () => server.exitCode !== null)
      expect(await server.json('/')).toMatchObject({ ...ids, greeting: 'good day' })
      expect((await usersOf(sandbox))['rip-worker']).toEqual([UID, UID, UID])
      await until(
        'those that left have left nothing',
        async () => (await workerFolders(sandbox)).length === 3,
      )
      expect((await load.stop()).failures).toEqual([])

      expect(await sandbox.run('stop')).toMatchObject({ code: 0 })
      await until('every process has ended', async () => (await sandbox.processes()).length === 0)
      expect(await sandbox.leftovers()).toEqual([join(sandbox.runDirs, 'rip-server')])
    },
    TEST_TIMEOUT_MS,
  )

  test(
    'still applies after a balancer was killed, the run directory was removed, and everything was killed',
    async () => {
      await using sandbox = await openSandbox()
      const server = await serve(sandbox)
      const serves = async (one: Server): Promise<boolean> =>
        (await one.json('/').catch(() => undefined))?.['uid'] === UID
      for (const pid of await pidsOf(sandbox, 'rip-balancer')) process.kill(pid, 'SIGKILL')
      await until('another balancer serves', () => serves(server))
      expect((await usersOf(sandbox))['rip-balancer']).not.toContain(0)

      const before = (await sandbox.snapshot(server)).workers.map(({ pid }) => pid)
      const { control } = await instanceOf(sandbox)
      await rm(join(control, '..'), { recursive: true })
      await until('the workers are replaced', async () => {
        const snapshot = await sandbox.snapshot(server).catch(() => undefined)
        return snapshot?.readyWorkers === 2 && snapshot.workers.every(({ pid }) => !before.includes(pid))
      })
      await until('they serve', () => serves(server))

      for (const pid of await sandbox.processes()) process.kill(pid, 'SIGKILL')
      await until('every process has ended', async () => (await sandbox.processes()).length === 0)
      const next = await serve(sandbox)
      expect(await serves(next)).toBe(true)
      expect((await workerFolders(sandbox)).length).toBe(2)
    },
    TEST_TIMEOUT_MS,
  )

  test(
    'sends nothing to a link that a worker put in place of its socket, and replaces the worker',
    async () => {
      await using sandbox = await openSandbox()
      const folder = await writeApp(sandbox)
      const flag = join(sandbox.folder, 'hostile')
      await writeFile(
        join(folder, 'index.js'),
        `import { existsSync, rmSync, symlinkSync } from 'node:fs'
        export const ready = () => {
          const { RIP_SOCKET, RIP_CONTROL } = process.env
          if (!existsSync('${flag}')) return
          rmSync(RIP_SOCKET)
          symlinkSync(RIP_CONTROL.replace('links', 'control'), RIP_SOCKET)
        }
        export default () => Response.json({ uid: process.getuid() })`,
      )
      const server = await sandbox.start(folder, 'w:2', '0', '-b', '127.0.0.1', '--user', USER)
      const load = startLoad({ url: server.url, path: '/stop', perSecond: 50 })
      await writeFile(flag, '')
      process.kill((await sandbox.snapshot(server)).workers[0]!.pid, 'SIGKILL')
      await server.says('is not the socket its worker was to make')
      const reloaded = await sandbox.run('reload')
      expect(reloaded.code).toBe(0)
      await rm(flag)
      await until('the worker is replaced', async () => {
        const folders = await workerFolders(sandbox)
        const { control } = await instanceOf(sandbox)
        // A worker that leaves takes its folder along.
        const owners = folders.map((name) => ownerOf(join(control, '..', name)))
        return owners.length === 2 && ![undefined, 0, UID].some((owner) => owners.includes(owner))
      })
      await until('it is served by both', async () => (await server.json('/'))['uid'] === UID)
      expect((await load.stop()).failures).toEqual([])
    },
    TEST_TIMEOUT_MS,
  )

  test(
    'still reports to the application that clients have left',
    async () => {
      await using sandbox = await openSandbox()
      const folder = await writeApp(sandbox)
      await writeFile(
        join(folder, 'index.js'),
        `let left = 0
        export default async ({ url, signal }) => {
          if (!url.endsWith('/wait')) return Response.json({ left })
          signal.addEventListener('abort', () => (left += 1))
          await Bun.sleep(60_000)
        }`,
      )
      const server = await sandbox.start(folder, 'w:1', '0', '-b', '127.0.0.1', '--user', USER)
      const { port } = new URL(server.url)
      using client = await Bun.connect({
        hostname: '127.0.0.1',
        port: Number(port),
        socket: { data() {} },
      })
      client.write('GET /wait HTTP/1.1\r\nHost: localhost\r\n\r\n')
      // Ends only its own side, which the worker is told beside its connection.
      client.shutdown()
      await until('it is told', async () => (await server.json('/'))['left'] === 1)
    },
    TEST_TIMEOUT_MS,
  )

  test(
    'lets only root connect to workers without a balancer',
    async () => {
      await using sandbox = await openSandbox()
      const folder = await writeApp(sandbox)
      const server = sandbox.launch('manager', folder, 'w:1', '--user', USER)
      await server.says('serving')
      const { control } = await instanceOf(sandbox)
      const [name = ''] = await workerFolders(sandbox)
      const socket = join(control, '..', name, 's.sock')
      expect(await (await fetch('http://localhost/', { unix: socket })).json()).toMatchObject(ids)
      expect([statSync(join(socket, '..')).uid, statSync(socket).uid, statSync(socket).mode & 0o777]).toEqual(
        [0, 0, 0o600],
      )
    },
    TEST_TIMEOUT_MS,
  )

  test(
    'gives a renewed key to a balancer that cannot read it',
    async () => {
      await using sandbox = await openSandbox()
      const place = async (name: string): Promise<void> => {
        for (const ending of ['crt', 'key']) {
          await copyFile(join(CERTIFICATES, `${name}.${ending}`), join(sandbox.folder, `new.${ending}`))
          chmodSync(join(sandbox.folder, `new.${ending}`), 0o600)
          await rename(join(sandbox.folder, `new.${ending}`), join(sandbox.folder, `server.${ending}`))
        }
      }
      await place('first')
      sandbox.startFolder = sandbox.folder
      const server = await serve(sandbox, '--tls-cert', 'server.crt', '--tls-key', 'server.key')
      expect(await commonName(server)).toBe('first.test')
      await place('second')
      await until('it shows the new one', async () => (await commonName(server)) === 'second.test')
      expect((await usersOf(sandbox))['rip-balancer']).not.toContain(0)
    },
    TEST_TIMEOUT_MS,
  )

  test(
    'applies in development, with standby processes',
    async () => {
      await using sandbox = await openSandbox()
      const folder = await writeApp(sandbox)
      const server = await sandbox.start('dev', folder, 'w:1', '0', '--user', USER)
      for (const word of ['first', 'second', 'third']) {
        await writeFile(join(folder, 'index.js'), APP.replace('greeting, uid', `greeting: '${word}', uid`))
        await until(`${word} is served`, async () => (await server.json('/'))['greeting'] === word)
        expect(await server.json('/')).toMatchObject(ids)
      }
    },
    TEST_TIMEOUT_MS,
  )

  test(
    'runs several balancer processes as a user of their own',
    async () => {
      await using sandbox = await openSandbox()
      const folder = await writeApp(sandbox)
      await writeFile(join(folder, 'rip-server.config.js'), 'export default { balancer: { processes: 2 } }')
      const server = await sandbox.start(folder, 'w:1', '0', '-b', '127.0.0.1', '--user', USER)
      expect(await server.json('/')).toMatchObject(ids)
      expect(await sandbox.run('reload')).toMatchObject({ code: 0 })
    },
    TEST_TIMEOUT_MS,
  )

  test(
    'has the access log written by the --balancer-user',
    async () => {
      await using sandbox = await openSandbox()
      const folder = await writeApp(sandbox)
      const [log, file] = [join(sandbox.folder, 'log'), join(sandbox.folder, 'log/access.log')]
      await mkdir(log)
      chownSync(log, BALANCER, BALANCER)
      await writeFile(
        join(folder, 'rip-server.config.js'),
        `export default { balancer: { accessLog: { format: 'text', file: '${file}' } } }`,
      )
      const balancer = ['--balancer-user', `${BALANCER}:${BALANCER}`]
      const server = await sandbox.start(folder, 'w:1', '0', '-b', '127.0.0.1', '--user', USER, ...balancer)
      await server.json('/logged')
      await until('it is logged', async () =>
        (await readFile(file, 'utf8').catch(() => '')).includes('/logged'),
      )
      expect(statSync(file).uid).toBe(BALANCER)
      expect((await usersOf(sandbox))['rip-balancer']).toEqual([BALANCER])
    },
    TEST_TIMEOUT_MS,
  )

  test(
    'keeps files of the user and of the balancer from all other users',
    async () => {
      await using sandbox = await openSandbox()
      const server = await serve(sandbox)
      const { control } = (await sandbox.snapshot(server)) && (await instanceOf(sandbox))
      const runDir = join(control, '..')
      const modes = (path: string): string => {
        const { uid, mode } = statSync(join(runDir, path))
        return `${uid === 0 ? 'root' : uid === UID ? 'user' : 'balancer'} ${(mode & 0o777).toString(8)}`
      }
      expect(
        ['.', 'control.sock', 'links.sock', 'state.json', 'lock', 'balancer', 'snapshots'].map(modes),
      ).toEqual(['root 711', 'root 600', 'user 600', 'root 600', 'root 600', 'balancer 700', 'root 750'])
    },
    TEST_TIMEOUT_MS,
  )
})

async function instanceOf(sandbox: Sandbox): Promise<{ readonly control: string }> {
  const [instance] = findInstances(sandbox.env())
  if (instance === undefined) throw new Error('nothing runs')
  return instance
}
