import { describe, expect, test } from 'bun:test'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isAlive } from '@rip/testing'
import { startLoad } from '../load.ts'
import { Sandbox, type Server, until } from '../server.ts'

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

  test(
    'loses no request in a reload and a rolling restart',
    async () => {
      await using application = await Application.create({ 'server.js': NODE_SERVER })
      const server = await application.start('w:2', '--', 'node', 'server.js')
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

async function readIfThere({ sandbox }: Application, name: string): Promise<string | undefined> {
  const file = Bun.file(join(sandbox.startFolder, name))
  return (await file.exists()) && file.size > 0 ? await file.text() : undefined
}

function parentOf(pid: number): number {
  const { stdout } = Bun.spawnSync(['ps', '-o', 'ppid=', '-p', String(pid)])
  return Number(stdout.toString())
}
