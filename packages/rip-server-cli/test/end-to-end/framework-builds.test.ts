import { describe, expect, test } from 'bun:test'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Sandbox, type Server } from '../server.ts'

const TEST_TIMEOUT_MS = 90_000

type Files = Readonly<Record<string, string>>

/** A project in a folder of its own, with what its build has left. */
class Project implements AsyncDisposable {
  readonly sandbox: Sandbox

  private constructor(sandbox: Sandbox) {
    this.sandbox = sandbox
    sandbox.startFolder = join(sandbox.folder, 'shop')
  }

  static async create(files: Files): Promise<Project> {
    const project = new Project(await Sandbox.create())
    await project.write({ '.gitignore': 'node_modules\ndist\nbuild\n.output\n.next\n', ...files })
    return project
  }

  async write(files: Files): Promise<void> {
    for (const [name, text] of Object.entries(files)) {
      const path = join(this.sandbox.startFolder, name)
      await mkdir(join(path, '..'), { recursive: true })
      await writeFile(path, text)
    }
  }

  async remove(name: string): Promise<void> {
    await rm(join(this.sandbox.startFolder, name), { recursive: true })
  }

  start(...args: readonly string[]): Promise<Server> {
    return this.sandbox.start('start', '0', '--bind', '127.0.0.1', 'w:2', ...args)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.sandbox[Symbol.asyncDispose]()
  }
}

/** As React Router leaves it, with a package that does of it what is needed here. */
const reactRouter: Files = {
  'package.json': '{ "type": "module", "dependencies": { "react-router": "7.0.0" } }',
  'app/root.tsx': 'not for a worker',
  'build/client/assets/root-DiwrgTd4.js': 'client code',
  'build/server/index.js': `import { page } from 'react-router'
    export const assets = {}, entry = { page }, publicPath = '/', routes = {}, ssr = true, version = 1`,
  'node_modules/react-router/package.json':
    '{ "name": "react-router", "type": "module", "main": "index.js" }',
  'node_modules/react-router/index.js': `export const page = (url, version) => new Response('page ' + url + ' ' + version)
    export const createRequestHandler = (build, mode) => async ({ url }) =>
      build.entry.page(new URL(url).pathname, build.version + ' ' + mode)`,
}

const text = async (server: Server, path: string, init: RequestInit = {}): Promise<string> =>
  await (await fetch(server.url + path, init)).text()

const navigating = { headers: { accept: 'text/html' } }

describe('a build is served without a word of configuration', () => {
  test(
    'of a framework that leaves its files to another server, and a newer one after a reload',
    async () => {
      await using project = await Project.create(reactRouter)
      const server = await project.start()
      expect(server.stderr).toMatch(/app +build\/server\/index.js +React Router build in build/)
      expect(await text(server, '/cart')).toBe('page /cart 1 production')
      const file = await fetch(`${server.url}/assets/root-DiwrgTd4.js`)
      expect(await file.text()).toBe('client code')
      expect(file.headers.get('cache-control')).toContain('immutable')
      const built = (reactRouter['build/server/index.js'] ?? '').replace('version = 1', 'version = 2')
      await project.write({ 'build/server/index.js': built, 'build/client/assets/root-8f3a1b2c.js': 'newer' })
      expect((await project.sandbox.run('reload')).code).toBe(0)
      expect(await text(server, '/cart')).toBe('page /cart 2 production')
      expect(await text(server, '/assets/root-8f3a1b2c.js')).toBe('newer')
    },
    TEST_TIMEOUT_MS,
  )

  test(
    'of a single-page application, whose pages are all one',
    async () => {
      await using project = await Project.create({
        'package.json': '{ "devDependencies": { "vite": "8.0.0" }, "scripts": { "dev": "vite" } }',
        'index.html': 'the source',
        'src/main.ts': 'for the browser',
        'dist/index.html': 'the build',
        'dist/assets/a.js': 'code',
      })
      const server = await project.start()
      expect(server.stderr).toMatch(/app +dist\/index.html +Vite build in dist/)
      expect(await text(server, '/')).toBe('the build')
      expect(await text(server, '/users/7', navigating)).toBe('the build')
      expect((await fetch(`${server.url}/assets/gone.js`)).status).toBe(404)
      expect((await fetch(`${server.url}/package.json`)).status).toBe(404)
      await project.write({ 'dist/index.html': 'the next build' })
      const { stdout, code } = await project.sandbox.run('reload', '--json')
      expect([code, JSON.parse(stdout)]).toMatchObject([0, { ok: true, unchanged: false }])
      expect(await text(server, '/users/7', navigating)).toBe('the next build')
    },
    TEST_TIMEOUT_MS,
  )

  test(
    'by the start script of a project that no worker can load',
    async () => {
      await using project = await Project.create({
        'package.json': '{ "scripts": { "start": "bun server/run.js" } }',
        'server/run.js': `require('node:http').createServer((_, response) => response.end('by itself')).listen(process.env.PORT)`,
      })
      const server = await project.start()
      expect(server.stderr).toMatch(/app +\S+\/shop +"start" in package.json/)
      expect(server.stderr).toMatch(/command +bun run --silent start/)
      expect(await text(server, '/')).toBe('by itself')
    },
    TEST_TIMEOUT_MS,
  )

  test(
    'in development by the server of the framework, alone and unwatched',
    async () => {
      await using project = await Project.create({
        'package.json':
          '{ "dependencies": { "nuxt": "4.0.0" }, "scripts": { "dev": "bun tool.js", "build": "nuxt build" } }',
        'tool.js': `require('node:http').createServer((_, response) => response.end('tool')).listen(process.env.PORT)`,
        '.output/server/index.mjs': 'an old build',
      })
      const server = await project.sandbox.start('dev', '0')
      expect(server.stderr).toMatch(/development server of Nuxt/)
      expect(server.stderr).toMatch(/workers +1,/)
      expect(await text(server, '/')).toBe('tool')
    },
    TEST_TIMEOUT_MS,
  )
})

test(
  'a start script that runs what works in the background anyway starts nothing else',
  async () => {
    await using project = await Project.create({
      'package.json': '{ "scripts": { "start": "bun poller.ts" } }',
      'poller.ts': 'setInterval(() => {}, 1000)',
    })
    const server = project.sandbox.launch('start', '--background', 'poller.ts')
    await server.says(/url +none: it only works in the background/)
    server.kill('SIGTERM')
    await server.finished()
    const listed = '{ "scripts": { "start": "bun poller.ts" }, "rip": { "background": ["poller.ts"] } }'
    await project.write({ 'package.json': listed })
    await project.sandbox.launch('start').says(/url +none: it only works in the background/)
  },
  TEST_TIMEOUT_MS,
)

test(
  'two builds, or none, are refused with what to do',
  async () => {
    await using project = await Project.create({ ...reactRouter, '.output/server/index.mjs': '' })
    const two = await project.sandbox.run('start', '0')
    expect([two.code, two.stderr]).toEqual([
      4,
      expect.stringContaining('Nitro build in .output, React Router build'),
    ])
    await project.remove('.output')
    await project.remove('build')
    await project.write({
      'package.json':
        '{ "devDependencies": { "@react-router/dev": "7" }, "scripts": { "build": "react-router build" } }',
    })
    const none = await project.sandbox.run('start', '0')
    expect([none.code, none.stderr]).toEqual([4, expect.stringContaining('run its build first')])
  },
  TEST_TIMEOUT_MS,
)

describe('files are answered before an application that is no build', () => {
  const application = {
    'app.ts': "export default () => new Response('application')",
    'public/a.txt': 'a file',
  }

  test(
    'by a flag, and by the configuration',
    async () => {
      await using project = await Project.create({ ...application, 'more/a.txt': 'more' })
      const server = await project.start('--static', 'public', '--static', '/more=more')
      expect(await text(server, '/a.txt')).toBe('a file')
      expect(await text(server, '/more/a.txt')).toBe('more')
      expect(await text(server, '/b.txt')).toBe('application')
      expect((await project.sandbox.run('stop')).code).toBe(0)
      await project.write({ 'rip-server.config.ts': "export default { static: ['/f=public'] }" })
      const configured = await project.start()
      expect(await text(configured, '/f/a.txt')).toBe('a file')
      expect((await project.sandbox.run('config', '--sources')).stdout).toMatch(
        /static +\/f=\/\S+\/public +rip-server\.config\.ts:1/,
      )
    },
    TEST_TIMEOUT_MS,
  )

  test(
    'a folder that is not there, a text that names none, and files beside a command are refused',
    async () => {
      await using project = await Project.create(application)
      const refused = async (...args: readonly string[]): Promise<string> => {
        const { code, stderr } = await project.sandbox.run('start', '0', ...args)
        return `${code} ${stderr}`
      }
      expect(await refused('--static', 'gone')).toMatch(/^5 [^]*there is no folder \S+\/gone/)
      expect(await refused('--static', '/assets=')).toMatch(/^2 [^]*--static[^]*expected a folder/)
      expect(await refused('--static', 'public', '--', 'npm', 'start')).toMatch(/^5 [^]*not beside a command/)
    },
    TEST_TIMEOUT_MS,
  )
})
