import { describe, expect, test } from 'bun:test'
import { chmod, mkdir, rename, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createServer } from '@rip/server'
import { isAlive } from '@rip/testing'
import { startLoad } from '../load.ts'
import { placeBun, Sandbox, type Server, until } from '../server.ts'

const TEST_TIMEOUT_MS = 90_000

type Files = Readonly<Record<string, string>>

/** Answers with what an application sees, after a while. */
const NODE_ANSWER = `(request, response) => setTimeout(() => {
  const { remoteAddress, remotePort, remoteFamily } = request.socket
  response.end(JSON.stringify({ pid: process.pid, remoteAddress, remotePort, remoteFamily, version: 1 }))
}, 20)`
const NODE_SERVER = `
  const { createServer } = require('node:http')
  const server = createServer(${NODE_ANSWER})
  server.listen(process.env.PORT, () => console.log('port', server.address().port, process.env.NODE_ENV))
`
const BUN_SERVER = `
  const server = Bun.serve({
    routes: { '/route': { GET: () => new Response('the route') } },
    fetch(request, server) {
      if (server.upgrade(request)) return undefined
      return Response.json({ pid: process.pid, client: server.requestIP(request), port: server.port })
    },
    websocket: { message: (socket, text) => void socket.send('echo ' + text) },
  })
`
/** Writes its process id to \`child\`, and lives until it is killed. */
const STUBBORN_CHILD = `
  require('node:fs').writeFileSync('child', String(process.pid))
  process.on('SIGTERM', () => {})
  setInterval(() => {}, 1000)
`

class Application implements AsyncDisposable {
  readonly sandbox: Sandbox

  private constructor(sandbox: Sandbox) {
    this.sandbox = sandbox
    sandbox.startFolder = join(sandbox.folder, 'shop')
  }

  static async create(files: Files): Promise<Application> {
    const application = new Application(await Sandbox.create())
    for (const [name, text] of Object.entries(files)) await application.write(name, text)
    return application
  }

  async write(name: string, text: string): Promise<void> {
    const path = join(this.sandbox.startFolder, name)
    await mkdir(join(path, '..'), { recursive: true })
    await writeFile(path, text)
  }

  start(...args: readonly string[]): Promise<Server> {
    return this.sandbox.start('start', '0', '--bind', '127.0.0.1', ...args)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.sandbox[Symbol.asyncDispose]()
  }
}

const packageWith = (start: string): string => JSON.stringify({ name: 'shop', scripts: { start } })

describe('an application that is run by its start command', () => {
  test(
    'is served with its own server of node:http, by the words after --',
    async () => {
      await using application = await Application.create({
        'package.json': packageWith('node server.js'),
        'server.js': NODE_SERVER,
      })
      const server = await application.start('w:2', '--', 'npm', 'start')
      const { remoteAddress, remotePort, remoteFamily } = await server.json('/')
      expect([remoteAddress, remoteFamily]).toEqual(['127.0.0.1', 'IPv4'])
      expect(Number(remotePort)).toBeGreaterThan(0)
      expect(server.stdout).toContain(`port ${new URL(server.url).port} production`)
      expect(server.stderr).toMatch(/command +npm start +no snapshot/)
      const status = await application.sandbox.run('status')
      expect(status.stdout).toMatch(/command +npm start \(no snapshot/)
    },
    TEST_TIMEOUT_MS,
  )

  test(
    'is served with its own Bun.serve, routes and WebSockets included',
    async () => {
      await using application = await Application.create({ 'index.js': BUN_SERVER })
      const server = await application.start('w:2', '--command', 'bun index.js')
      expect(await (await fetch(`${server.url}/route`)).text()).toBe('the route')
      const { client, port } = await server.json('/')
      expect(client).toMatchObject({ address: '127.0.0.1', family: 'IPv4' })
      expect(port).toBe(Number(new URL(server.url).port))
      const socket = new WebSocket(server.url)
      const echoed = Promise.withResolvers<unknown>()
      socket.onopen = () => socket.send('hello')
      socket.onmessage = ({ data }) => echoed.resolve(data)
      expect(await echoed.promise).toBe('echo hello')
      socket.close()
    },
    TEST_TIMEOUT_MS,
  )

  test(
    'is reached on the port it was given when it is neither Node.js nor Bun',
    async () => {
      await using application = await Application.create({ 'index.html': 'from python' })
      const server = await application.start(
        'w:2',
        '--command',
        'exec python3 -m http.server --bind 127.0.0.1 $PORT',
      )
      expect(await (await fetch(server.url)).text()).toBe('from python')
    },
    TEST_TIMEOUT_MS,
  )

  test.each(['node server.js', 'bun server.js', 'env -u NODE_OPTIONS node server.js'])(
    'loses no request in a reload and a rolling restart: %s',
    async (command) => {
      await using application = await Application.create({ 'server.js': NODE_SERVER })
      const server = await application.start('w:2', '--command', command)
      const load = startLoad({ url: server.url, path: '/', perSecond: 100 })
      expect((await application.sandbox.run('restart')).code).toBe(0)
      await application.write('server.js', NODE_SERVER.replace('version: 1', 'version: 2'))
      expect((await application.sandbox.run('reload')).code).toBe(0)
      expect(await server.json('/')).toMatchObject({ version: 2 })
      const { failures, answers } = await load.stop()
      expect(failures).toEqual([])
      expect(new Set(answers.map(({ version }) => version))).toEqual(new Set([1, 2]))
      expect(new Set(answers.map(({ pid }) => pid)).size).toBeGreaterThanOrEqual(6)
    },
    TEST_TIMEOUT_MS,
  )

  test(
    'leaves none of its processes behind when the worker process beside it is killed',
    async () => {
      await using application = await Application.create({
        'package.json': packageWith('node child.js & node server.js'),
        'child.js': STUBBORN_CHILD,
        'server.js': NODE_SERVER,
      })
      const server = await application.start('w:1', '--', 'npm', 'start')
      const child = Number(await until('the child runs', () => readIfThere(application, 'child')))
      const { pid: served } = await server.json('/')
      process.kill((await application.sandbox.snapshot(server)).workers[0]!.pid, 'SIGKILL')
      await until('its processes are gone', () => !isAlive(child) && !isAlive(Number(served)))
      await until('another serves', async () => {
        const { pid } = await server.json('/').catch(() => ({ pid: served }))
        return pid !== served
      })
    },
    TEST_TIMEOUT_MS,
  )

  test.each(['node server.js', 'env -u NODE_OPTIONS node server.js'])(
    'hears of a client that leaves before it is answered: %s',
    async (command) => {
      await using application = await Application.create({
        'server.js': `
          require('node:http').createServer((request, response) => {
            if (request.url === '/') return response.end('ready')
            response.on('close', () => console.error('gone'))
            console.error('begun')
          }).listen(process.env.PORT, '127.0.0.1')`,
      })
      const server = await application.start('w:1', '--command', command)
      const client = await Bun.connect({
        hostname: '127.0.0.1',
        port: Number(new URL(server.url).port),
        socket: { data() {} },
      })
      client.write('GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n')
      await server.says('begun')
      client.end()
      await server.says('gone')
    },
    TEST_TIMEOUT_MS,
  )

  test(
    'is run by a server within a program',
    async () => {
      await using application = await Application.create({ 'server.js': NODE_SERVER })
      await using server = createServer({
        app: application.sandbox.startFolder,
        command: ['node', 'server.js'],
        bind: '127.0.0.1',
        port: 0,
        workers: 1,
        output: 'none',
      })
      await server.start()
      expect(await (await server.fetch('/')).json()).toMatchObject({ version: 1 })
    },
    TEST_TIMEOUT_MS,
  )

  test(
    'leaves none of its processes behind when the first of them is killed',
    async () => {
      await using application = await Application.create({
        'package.json': packageWith('node child.js & node server.js'),
        'child.js': STUBBORN_CHILD,
        'server.js': NODE_SERVER,
      })
      const server = await application.start('w:1', '--', 'npm', 'start')
      const child = Number(await until('the child runs', () => readIfThere(application, 'child')))
      const [worker] = (await application.sandbox.snapshot(server)).workers
      const { pid: served } = await server.json('/')
      process.kill(parentOf(parentOf(Number(served))), 'SIGKILL')
      await until('its processes are gone', () => !isAlive(child) && !isAlive(Number(served)))
      await until('another has taken its place', async () => {
        const { workers, readyWorkers } = await application.sandbox.snapshot(server)
        return readyWorkers === 1 && workers[0]!.pid !== worker!.pid
      })
      expect((await server.json('/'))['pid']).not.toBe(served)
    },
    TEST_TIMEOUT_MS,
  )
})

describe('the start command', () => {
  const shown = async ({ sandbox }: Application): Promise<string> =>
    /^command .*$/m.exec((await sandbox.run('config', '--sources')).stdout)![0].replaceAll(/ {2,}/g, ' | ')

  test(
    'is in the configuration, a text for the shell or a list of words',
    async () => {
      await using application = await Application.create({
        'server.js': NODE_SERVER,
        'rip-server.config.js': `export default { command: 'GREETING=1 node server.js' }`,
      })
      expect(await shown(application)).toBe('command | GREETING=1 node server.js | rip-server.config.js:1:18')
      await application.write('rip-server.config.js', `export default { command: ['node', 'a server.js'] }`)
      expect(await shown(application)).toBe(`command | node 'a server.js' | rip-server.config.js:1:18`)
      await application.write('a server.js', NODE_SERVER)
      const server = await application.start('w:1')
      expect(await server.json('/')).toMatchObject({ version: 1 })
    },
    TEST_TIMEOUT_MS,
  )

  test(
    'is in package.json, where the configuration and a flag win over it',
    async () => {
      const rip = { command: 'node server.js' }
      await using application = await Application.create({
        'package.json': JSON.stringify({ rip }),
        'server.js': NODE_SERVER,
      })
      expect(await shown(application)).toBe('command | node server.js | "rip.command" in package.json')
      const server = await application.start('w:1')
      expect(await server.json('/')).toMatchObject({ version: 1 })
      await application.write('rip-server.config.js', `export default { command: 'bun other.js' }`)
      expect(await shown(application)).toContain('bun other.js')
      const { stdout } = await application.sandbox.run('config', '--', 'npm', 'run', 'x y')
      expect(stdout).toMatch(/^command +npm run 'x y'$/m)
    },
    TEST_TIMEOUT_MS,
  )

  test.each([
    [
      '{ "rip": { "command": [] } }',
      'expected a command such as "npm start", or a list of its words, got "[]"',
    ],
    [
      '{ "rip": { "command": "x", "entry": "y.js" } }',
      '"rip.entry" and "rip.command" are two ways to start it; keep one',
    ],
  ])('in package.json may be wrong: %s', async (manifest, problem) => {
    await using application = await Application.create({ 'package.json': manifest })
    const { code, stderr } = await application.sandbox.run('start', '0')
    expect(stderr).toContain(problem)
    expect(code).toBe(5)
  })

  test(
    'that cannot be run ends the start with the reason',
    async () => {
      await using application = await Application.create({ 'fails.js': `throw new Error('no database')` })
      const failed = await application.sandbox.run('start', '0', '--', 'node', 'fails.js')
      expect(failed.code).toBe(3)
      expect(failed.stderr).toContain('"node fails.js" ended with code 1 before it served')
      expect(failed.stderr).toContain('no database')
      const missing = await application.sandbox.run('start', '0', '--', 'nowhere-to-be-found')
      expect(missing.code).toBe(4)
      expect(missing.stderr).toContain('the command nowhere-to-be-found was not found')
    },
    TEST_TIMEOUT_MS,
  )

  test('is no other way to name a file', async () => {
    await using application = await Application.create({ 'server.js': NODE_SERVER })
    const { code, stderr } = await application.sandbox.run('start', '0', 'server.js', '--', 'npm', 'start')
    expect(code).toBe(5)
    expect(stderr).toContain('server.js and as a command: name its folder instead of the file')
  })
})

describe('what cannot be kept of a command', () => {
  test(
    'is its code: a release is gone once its workers have left',
    async () => {
      await using application = await Application.create({ 'server.js': NODE_SERVER })
      const { sandbox } = application
      const server = await application.start('w:1', '--rollback-window', '1s', '--', 'node', 'server.js')
      await application.write('server.js', NODE_SERVER.replace('version: 1', 'version: 2'))
      expect((await sandbox.run('reload', '--wait')).code).toBe(0)
      await until(
        'the former worker has gone',
        async () => (await sandbox.snapshot(server)).workers.length === 1,
      )
      const { code, stderr } = await sandbox.run('rollback')
      expect(stderr).toContain('cannot be returned to: its workers have gone')
      expect(code).toBe(8)
      expect(await server.json('/')).toMatchObject({ version: 2 })
    },
    TEST_TIMEOUT_MS,
  )

  test(
    'is not the former release while it stands by',
    async () => {
      await using application = await Application.create({ 'server.js': NODE_SERVER })
      const { sandbox } = application
      const server = await application.start('w:1', '--rollback-window', '60s', '--', 'node', 'server.js')
      const before = await server.json('/')
      await application.write('server.js', NODE_SERVER.replace('version: 1', 'version: 2'))
      expect((await sandbox.run('reload')).code).toBe(0)
      expect((await sandbox.run('rollback')).code).toBe(0)
      expect(await server.json('/')).toMatchObject({ pid: before['pid'], version: 1 })
    },
    TEST_TIMEOUT_MS,
  )

  test(
    'is not the former release where each has a folder of its own behind a link',
    async () => {
      await using application = await Application.create({
        'releases/1/server.js': NODE_SERVER,
        'releases/2/server.js': NODE_SERVER.replace('version: 1', 'version: 2'),
      })
      const { sandbox } = application
      const current = join(sandbox.startFolder, 'current')
      const version = async (): Promise<unknown> => (await server.json('/'))['version']
      await symlink('releases/1', current)
      const server = await sandbox.start(
        'start',
        current,
        'w:1',
        '0',
        '--bind',
        '127.0.0.1',
        '--rollback-window',
        '1s',
        '--command',
        'node server.js',
      )
      await symlink('releases/2', `${current}.new`)
      await rename(`${current}.new`, current)
      expect((await sandbox.run('restart', current)).code).toBe(0)
      expect(await version()).toBe(1)
      expect((await sandbox.run('reload', current, '--wait')).code).toBe(0)
      expect(await version()).toBe(2)
      await until(
        'the former worker has gone',
        async () => (await sandbox.snapshot(server)).workers.length === 1,
      )
      expect((await sandbox.run('rollback', current)).code).toBe(0)
      expect(await version()).toBe(1)
    },
    TEST_TIMEOUT_MS,
  )

  test(
    'is not its build: another one is another generation, although git ignores it',
    async () => {
      await using application = await Application.create({
        '.gitignore': '.output\nbuild\n',
        '.output/server.js': NODE_SERVER,
        'build/index.html': 'one',
      })
      const { sandbox } = application
      const server = await application.start('w:1', '--', 'node', '.output/server.js')
      const { generation } = await sandbox.snapshot(server)
      await application.write('.output/server.js', NODE_SERVER.replace('version: 1', 'version: 2'))
      expect((await sandbox.run('reload')).code).toBe(0)
      expect(await server.json('/')).toMatchObject({ version: 2 })
      const second = (await sandbox.snapshot(server)).generation
      expect(second).not.toBe(generation)
      await application.write('build/index.html', 'two')
      expect((await sandbox.run('reload')).code).toBe(0)
      expect((await sandbox.snapshot(server)).generation).not.toBe(second)
    },
    TEST_TIMEOUT_MS,
  )

  test(
    'is not the release that serves, when the next one cannot',
    async () => {
      await using application = await Application.create({ 'server.js': NODE_SERVER })
      const server = await application.start('w:1', '--', 'node', 'server.js')
      await application.write('server.js', `console.log('no license'); throw new Error('half a deployment')`)
      const { code, stderr } = await application.sandbox.run('reload')
      expect(code).toBe(8)
      expect(stderr).toContain('half a deployment')
      expect(stderr).toContain('no license')
      expect(await server.json('/')).toMatchObject({ version: 1 })
    },
    TEST_TIMEOUT_MS,
  )
})

describe.skipIf(process.getuid?.() !== 0)('with --user', () => {
  test(
    'the command runs as that user, and reloads lose no request',
    async () => {
      const answer = NODE_ANSWER.replace('pid: process.pid,', 'pid: process.pid, uid: process.getuid(),')
      const source = NODE_SERVER.replace(NODE_ANSWER, answer)
      await using application = await Application.create({ 'server.js': source })
      const { sandbox } = application
      await chmod(sandbox.folder, 0o755)
      await mkdir(join(sandbox.folder, 'bin'))
      await placeBun(join(sandbox.folder, 'bin/bun'))
      sandbox.variables = { PATH: `${join(sandbox.folder, 'bin')}:${process.env['PATH']}` }
      const server = await application.start('w:2', '--user', '54321:54322', '--', 'node', 'server.js')
      expect(await server.json('/')).toMatchObject({ uid: 54_321, remoteAddress: '127.0.0.1' })
      const load = startLoad({ url: server.url, path: '/', perSecond: 50 })
      await application.write('server.js', source.replace('version: 1', 'version: 2'))
      expect((await sandbox.run('reload', '--wait', '--timeout', '60s')).code).toBe(0)
      expect(await server.json('/')).toMatchObject({ version: 2 })
      expect((await load.stop()).failures).toEqual([])
      expect((await sandbox.run('stop')).code).toBe(0)
      expect(await sandbox.leftovers()).toEqual([join(sandbox.runDirs, 'rip-server')])
    },
    TEST_TIMEOUT_MS,
  )
})

test(
  'an application that writes data when it starts is started once',
  async () => {
    const writing = `require('node:fs').appendFileSync('starts.txt', process.pid + '\\n')`
    await using application = await Application.create({ 'server.js': writing + NODE_SERVER })
    await application.start('w:2', '--', 'node', 'server.js')
    const starts = (await readIfThere(application, 'starts.txt'))!.trimEnd().split('\n')
    expect(starts).toHaveLength(2)
  },
  TEST_TIMEOUT_MS,
)

test('a worker alone refuses an application that is run by a command', async () => {
  await using application = await Application.create({
    'package.json': JSON.stringify({ rip: { command: 'npm start' } }),
  })
  const { code, stderr } = await application.sandbox.run('worker', '0')
  expect(stderr).toContain('this one is run by a command: run npm start itself')
  expect(code).toBe(5)
})

describe('in development', () => {
  test(
    'one worker runs the command, and files are watched only if that is asked for',
    async () => {
      await using application = await Application.create({ 'server.js': NODE_SERVER })
      const { sandbox } = application
      const start = (...args: readonly string[]): Promise<Server> =>
        sandbox.start('dev', '0', ...args, '--', 'node', 'server.js')
      const server = await start()
      expect(await sandbox.snapshot(server)).toMatchObject({ wantedWorkers: 1, watching: false })
      await until('it is told', () => server.stderr.includes('off: the command does (on with --hotfix)'))
      expect((await sandbox.run('stop')).code).toBe(0)
      const watching = await start('--hotfix', 'w:2')
      expect(await sandbox.snapshot(watching)).toMatchObject({ wantedWorkers: 2, watching: true })
      await application.write('server.js', NODE_SERVER.replace('version: 1', 'version: 2'))
      await until('the change is served', async () => (await watching.json('/'))['version'] === 2)
    },
    TEST_TIMEOUT_MS,
  )
})

async function readIfThere({ sandbox }: Application, name: string): Promise<string | undefined> {
  const file = Bun.file(join(sandbox.startFolder, name))
  return (await file.exists()) && file.size > 0 ? await file.text() : undefined
}

function parentOf(pid: number): number {
  const { stdout } = Bun.spawnSync(['ps', '-o', 'ppid=', '-p', String(pid)])
  return Number(stdout.toString())
}
