import { describe, expect, test } from 'bun:test'
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { startLoad } from '../load.ts'
import { Sandbox, type Server, until } from '../server.ts'

const TEST_TIMEOUT_MS = 60_000

/** Typical programs, by file name; each answers JSON with a `version`. */
const programs: Readonly<
  Record<string, { readonly files: Readonly<Record<string, string>>; readonly entry: string }>
> = {
  'Bun.serve in src, with a module in package.json that was never built': {
    entry: 'src/index.ts',
    files: {
      'package.json': '{ "module": "src/index.js" }',
      'src/index.ts': `
        const server = Bun.serve({ fetch: () => Response.json({ version: 1, port: server.port }) })
        console.log('serves', server.url.href)`,
    },
  },
  'node:http in CommonJS': {
    entry: 'server.js',
    files: {
      'server.js': `
        const http = require('http')
        const server = http.createServer((_, response) => response.end(JSON.stringify({ version: 1, port: server.address().port })))
        server.listen(process.env.PORT || 8080, () => console.log('serves', 'http://localhost:' + server.address().port + '/'))`,
    },
  },
  'CommonJS that waits before it listens': {
    entry: 'app.js',
    files: {
      'app.js': `
        const http = require('http')
        const server = http.createServer((_, response) => response.end(JSON.stringify({ version: 1, port: server.address().port })))
        const start = async () => {
          await new Promise((resolve) => setTimeout(resolve, 10))
          server.listen(3000, () => console.log('serves', 'http://localhost:' + server.address().port + '/'))
        }
        start()`,
    },
  },
  'a framework that waits before it listens, built from TypeScript': {
    entry: 'src/main.ts',
    files: {
      'package.json': '{ "main": "dist/main.js" }',
      'dist/main.js': 'throw new Error("an old build")',
      'src/main.ts': `
        import { createServer } from 'node:http'
        async function bootstrap() {
          await Bun.sleep(10)
          const server = createServer((_, response) => response.end(JSON.stringify({ version: 1, port: server.address().port })))
          await new Promise((resolve) => server.listen(3000, resolve))
          console.log('serves', 'http://localhost:' + server.address().port + '/')
        }
        bootstrap()`,
    },
  },
}

async function write(folder: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true })
    await writeFile(join(folder, name), text)
  }
}

async function version(server: Server): Promise<unknown> {
  return (await server.json('/'))['version']
}

describe('a program that listens itself works unchanged', () => {
  test.each(Object.entries(programs))(
    '%s: on the public port, and no request is lost while its code is replaced',
    async (_, { files, entry }) => {
      await using sandbox = await Sandbox.create()
      const folder = join(sandbox.folder, 'program')
      await write(folder, files)
      const server = await sandbox.start(folder, 'w:2', '0')
      const { port } = new URL(server.url)
      expect(await server.json('/')).toEqual({ version: 1, port: Number(port) })
      await until('the program has told its address', () =>
        server.stdout.includes(`serves http://localhost:${port}/`),
      )
      await server.says(`${entry}  `)

      const load = startLoad({ url: server.url, path: '/', perSecond: 50 })
      expect((await sandbox.run('restart')).code).toBe(0)
      await writeFile(join(folder, entry), files[entry]!.replace('version: 1', 'version: 2'))
      expect((await sandbox.run('reload')).code).toBe(0)
      await until('the new code serves', async () => (await version(server)) === 2)
      const { failures } = await load.stop()
      expect(failures).toEqual([])
    },
    TEST_TIMEOUT_MS,
  )

  test(
    'two servers are refused, even if the framework catches the error, and the old code serves on',
    async () => {
      await using sandbox = await Sandbox.create()
      const folder = join(sandbox.folder, 'program')
      const first = `const server = Bun.serve({ port: 4000, fetch: () => Response.json({ version: 1 }) })\n`
      await write(folder, { 'index.ts': first })
      const server = await sandbox.start(folder, 'w:1', '0')
      const second = `try { Bun.serve({ port: 4001, fetch: () => new Response() }) } catch { process.exit(1) }\n`
      await writeFile(join(folder, 'index.ts'), first + second)
      const reload = await sandbox.run('reload')
      expect(reload.code).toBe(8)
      expect(reload.stderr).toContain('opens its own server (port 4001) beside the one on port 4000')
      expect(await version(server)).toBe(1)
    },
    TEST_TIMEOUT_MS,
  )

  test(
    'WebSockets of node:http pass, and their clients reach the new code when they are told to connect again',
    async () => {
      await using sandbox = await Sandbox.create()
      const folder = join(sandbox.folder, 'program')
      const code = `
        import { createServer } from 'node:http'
        import { WebSocketServer } from 'ws'
        const server = createServer((_, response) => response.end(JSON.stringify({ version: 1 })))
        new WebSocketServer({ server }).on('connection', (socket, { socket: { remoteAddress } }) => {
          socket.on('message', (text) => socket.send(text + ' for ' + remoteAddress + ' from version: 1'))
        })
        server.listen(3000)`
      await write(folder, { 'server.js': code })
      const server = await sandbox.start(folder, 'w:2', '0', '-b', '127.0.0.1', '--rollback-window', 'off')
      const clients = await Promise.all(Array.from({ length: 8 }, () => openSocket(server)))
      for (const { socket } of clients) socket.send('echo')
      await until('all have answered', () => clients.every(({ received }) => received.length === 1))
      expect(clients.map(({ received }) => received[0])).toEqual(
        clients.map(() => 'echo for 127.0.0.1 from version: 1'),
      )

      await writeFile(join(folder, 'server.js'), code.replaceAll('version: 1', 'version: 2'))
      expect((await sandbox.run('reload')).code).toBe(0)
      await until('all were told', () => clients.every(({ closed }) => closed !== undefined))
      expect(clients.map(({ closed }) => closed)).toEqual(clients.map(() => '1012 service restart'))
      const again = await openSocket(server)
      again.socket.send('echo')
      await until('it has answered', () => again.received.length === 1)
      expect(again.received).toEqual(['echo for 127.0.0.1 from version: 2'])
      again.socket.close()
    },
    TEST_TIMEOUT_MS,
  )
})

interface Client {
  readonly socket: WebSocket
  readonly received: string[]
  /** Code and reason. */
  closed: string | undefined
}

async function openSocket({ url }: Server): Promise<Client> {
  // localhost is an address of IPv4 or of IPv6, and the application says which.
  const socket = new WebSocket(`ws://127.0.0.1:${new URL(url).port}`)
  const client: Client = { socket, received: [], closed: undefined }
  socket.addEventListener('message', ({ data }) => client.received.push(String(data)))
  socket.addEventListener('close', ({ code, reason }) => (client.closed = `${code} ${reason}`))
  await new Promise((resolve) => socket.addEventListener('open', resolve))
  return client
}
