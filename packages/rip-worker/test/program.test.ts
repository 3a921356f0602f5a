import { describe, expect, test } from 'bun:test'
import { existsSync, rmSync } from 'node:fs'
import { until } from '@rip/testing'
import { Folder, Program, RawConnection, Supervised } from './helpers.ts'

const HELLO = `export default () => new Response('hello')`

/** Answers slowly, and reports when it has begun, so that a test can act in the middle of it. */
const SLOW = `
  export default async (request) => {
    console.log('begun')
    await Bun.sleep(Number(new URL(request.url).searchParams.get('ms') ?? 300))
    return new Response('finished')
  }
`

describe('alone', () => {
  test('serves on TCP and prints where, as its first line', async () => {
    using folder = new Folder({ 'app.ts': HELLO })
    await using program = new Program({ args: [folder.path, '--listen', '127.0.0.1:0'] })
    const address = await program.address()
    expect(address).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/)
    expect(await (await fetch(address)).text()).toBe('hello')
  })

  test('serves on a Unix socket', async () => {
    using folder = new Folder({ 'app.ts': HELLO })
    const socket = folder.file('s.sock')
    await using program = new Program({ args: [folder.file('app.ts'), '--listen', `unix:${socket}`] })
    expect(await program.address()).toBe(`unix:${socket}`)
    using connection = await RawConnection.to(socket)
    connection.get('/')
    await until('it answers', () => connection.received.endsWith('hello'))
  })

  test('finds the application in the working directory, and listens on PORT', async () => {
    using folder = new Folder({ 'index.js': HELLO })
    await using program = new Program({ cwd: folder.path, env: { PORT: '0' } })
    expect(await (await fetch(await program.address())).text()).toBe('hello')
  })

  test.each(['SIGTERM', 'SIGINT'] as const)(
    '%s finishes the running request, then exits with 0',
    async (signal) => {
      using folder = new Folder({ 'app.js': SLOW })
      const socket = folder.file('s.sock')
      await using program = new Program({ args: [folder.path, '--listen', `unix:${socket}`] })
      await program.address()
      using connection = await RawConnection.to(socket)
      connection.get('/')
      await until('it runs', () => program.stdout.includes('begun'))
      program.process.kill(signal)
      expect(await program.exitCode()).toBe(0)
      expect(connection.received).toEndWith('finished')
      expect(existsSync(socket)).toBe(false)
    },
  )

  test('a second signal ends at once', async () => {
    using folder = new Folder({ 'app.js': SLOW })
    const socket = folder.file('s.sock')
    await using program = new Program({ args: [folder.path, '--listen', `unix:${socket}`] })
    await program.address()
    using connection = await RawConnection.to(socket)
    connection.get('/?ms=60000')
    await until('it runs', () => program.stdout.includes('begun'))
    program.process.kill('SIGINT')
    await until('it has stopped listening', () => !existsSync(socket))
    // Earlier it would count as the same signal, passed on by the parent process.
    await Bun.sleep(300)
    program.process.kill('SIGINT')
    expect(await program.exitCode()).toBe(130)
    expect(program.stderr).toContain('cut off: 1 request\n')
  })

  test('a signal that arrives twice at once, as by way of bun run, is one', async () => {
    using folder = new Folder({ 'app.js': SLOW })
    const socket = folder.file('s.sock')
    await using program = new Program({ args: [folder.path, '--listen', `unix:${socket}`] })
    await program.address()
    using connection = await RawConnection.to(socket)
    connection.get('/')
    await until('it runs', () => program.stdout.includes('begun'))
    for (const signal of ['SIGINT', 'SIGINT', 'SIGTERM'] as const) program.process.kill(signal)
    expect(await program.exitCode()).toBe(0)
    expect(connection.received).toEndWith('finished')
  })

  const ENDS_ITSELF = `${SLOW}
    for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, (name) => {
      console.log('told of ' + name)
      process.exit(0)
    })
    process.once('SIGTERM', async () => { throw new Error('cannot say goodbye') })`

  test.each(['SIGTERM', 'SIGINT'] as const)(
    'a listener of the application for %s that ends the process is called when its requests are finished',
    async (signal) => {
      using folder = new Folder({ 'app.js': ENDS_ITSELF })
      const socket = folder.file('s.sock')
      await using program = new Program({ args: [folder.path, '--listen', `unix:${socket}`] })
      await program.address()
      using connection = await RawConnection.to(socket)
      connection.get('/')
      await until('it runs', () => program.stdout.includes('begun'))
      program.process.kill(signal)
      expect(await program.exitCode()).toBe(0)
      expect(connection.received).toEndWith('finished')
      expect(program.stdout).toEndWith(`told of ${signal}\n`)
    },
  )

  test('a listener of the application that ends the process does not change its exit code', async () => {
    const failing = `${ENDS_ITSELF}\nexport const ready = () => void setTimeout(() => { throw new Error('boom') })`
    using folder = new Folder({ 'app.js': failing })
    await using program = new Program({ args: [folder.path, '--listen', `unix:${folder.file('s.sock')}`] })
    expect(await program.exitCode()).toBe(1)
    expect(program.stdout).toContain('told of SIGTERM')
  })

  test.each([
    [['--lissten', 'x'], 'there is no option --lissten'],
    [['--listen'], '--listen needs a value'],
    [['--mode='], '--mode needs a value'],
    [['--listen', 'nowhere'], 'cannot listen on "nowhere"'],
    [['--listen', '127.0.0.1:65536'], 'cannot listen on "65536"'],
    [['--concurrency', '0'], 'concurrency is "0"'],
    [['--mode', 'debug'], 'mode is "debug"'],
    [['--trust-forwarded', 'all'], '--trust-forwarded is "all"'],
    [['--static', '/assets='], '--static is "/assets="'],
    [['--static'], '--static needs a value'],
    [['a', 'b'], 'one application at a time'],
  ])('%j is a usage error: one message, exit code 2', async (args, message) => {
    await using program = new Program({ args })
    expect(await program.exitCode()).toBe(2)
    expect(program.stderr).toContain(message)
    expect(program.stderr).toContain('Usage:')
  })

  test('folders of files are served before the application, or alone', async () => {
    using folder = new Folder({ 'app.js': HELLO, 'public/a.txt': 'a file', 'dist/index.html': 'a page' })
    await using program = new Program({
      args: ['app.js', '--static', 'public', '--static=/more=public', '--listen', '127.0.0.1:0'],
      cwd: folder.path,
    })
    const url = await program.address()
    expect(await (await fetch(`${url}/a.txt`)).text()).toBe('a file')
    expect(await (await fetch(`${url}/more/a.txt`)).text()).toBe('a file')
    expect((await fetch(`${url}/more/b.txt`)).status).toBe(200)
    await using pages = new Program({ args: [folder.file('dist/index.html'), '--listen', '127.0.0.1:0'] })
    expect(await (await fetch(await pages.address())).text()).toBe('a page')
  })

  test('the build of a framework is served with its files, and one that a command runs is not', async () => {
    using folder = new Folder({
      '.output/nitro.json': '{ "preset": "node-listener" }',
      '.output/server/index.mjs': `export const listener = (request, response) => response.end('listener')`,
      '.output/public/a.txt': 'a file',
      'command/package.json': '{ "scripts": { "start": "node server/run.js" } }',
    })
    await using program = new Program({ args: [folder.path, '--listen', '127.0.0.1:0'] })
    const url = await program.address()
    expect(await (await fetch(`${url}/a.txt`)).text()).toBe('a file')
    expect(await (await fetch(`${url}/b.txt`)).text()).toBe('listener')
    await using refused = new Program({ args: [folder.file('command')] })
    expect(await refused.exitCode()).toBe(4)
    expect(refused.stderr).toContain('is run by a command, bun run --silent start')
  })

  test('a signal during the boot ends it with 128 and the number of the signal', async () => {
    using folder = new Folder({ 'app.js': `console.log('in'); await Bun.sleep(60000)` })
    await using program = new Program({ args: [folder.path] })
    await until('the import runs', () => program.stdout.includes('in'))
    program.process.kill('SIGTERM')
    expect(await program.exitCode()).toBe(143)
  })

  test('options may be joined to their value, and --help explains them', async () => {
    await using program = new Program({ args: ['--mode=development', '--help'] })
    expect(await program.exitCode()).toBe(0)
    expect(program.stdout).toStartWith('Usage:')
  })

  test('an address in use: one message that names it, exit code 3', async () => {
    using folder = new Folder({ 'app.js': HELLO })
    await using first = new Program({ args: [folder.path, '--listen', '127.0.0.1:0'] })
    const { host } = new URL(await first.address())
    await using second = new Program({ args: [folder.path, '--listen', host] })
    expect(await second.exitCode()).toBe(3)
    expect(second.stderr).toStartWith(`error: cannot listen on ${host}`)
    expect(second.stderr).not.toContain('    at ')
  })
})

describe('an application that cannot be served', () => {
  interface Case {
    readonly files: Readonly<Record<string, string>>
    readonly kind: string
    readonly code: number
    /** Texts that the output must contain. */
    readonly says: readonly string[]
    readonly line?: number
  }

  const cases: Readonly<Record<string, Case>> = {
    'no application': {
      files: { 'readme.md': '' },
      kind: 'not-found',
      code: 4,
      says: ['no application found in'],
    },
    'an entry that is missing': {
      files: { 'package.json': '{ "rip": { "entry": "gone.ts" } }', 'index.ts': HELLO },
      kind: 'not-found',
      code: 4,
      says: ['gone.ts does not exist', 'rip.entry'],
    },
    'a package.json that is no JSON': {
      files: { 'package.json': '{', 'index.ts': HELLO },
      kind: 'not-found',
      code: 4,
      says: ['package.json cannot be read'],
    },
    'a syntax error': {
      files: { 'app.ts': 'const a = 1\nconst b = ;\nexport default () => new Response()' },
      kind: 'compile',
      code: 4,
      says: ['app.ts could not be compiled', '> 2 | const b = ;', '^'],
      line: 2,
    },
    'a syntax error in an imported file': {
      files: { 'app.ts': `import './part.ts'\n${HELLO}`, 'part.ts': '\n\nlet = = 2' },
      kind: 'compile',
      code: 4,
      says: ['part.ts could not be compiled', '> 3 | let = = 2'],
      line: 3,
    },
    'several mistakes in one file': {
      files: { 'app.ts': `import './part.ts'\n${HELLO}`, 'part.ts': '\nconst =' },
      kind: 'compile',
      code: 4,
      says: ['part.ts could not be compiled', '> 2 | const ='],
      line: 2,
    },
    'an exception at import': {
      files: {
        'app.ts': `interface A {}\nthrow new Error('no database', { cause: new TypeError('refused') })`,
      },
      kind: 'import',
      code: 4,
      says: ['could not be loaded: no database', '> 2 | throw new Error', 'caused by TypeError: refused'],
      line: 2,
    },
    'a missing package': {
      files: { 'app.ts': `import 'not-installed-anywhere'\n${HELLO}` },
      kind: 'import',
      code: 4,
      says: ["Cannot find package 'not-installed-anywhere'"],
    },
    'a failing candidate is not skipped for the next': {
      files: { 'index.ts': `throw new Error('index is broken')`, 'app.ts': HELLO },
      kind: 'import',
      code: 4,
      says: ['index is broken'],
    },
    'nothing exported': {
      files: { 'app.ts': 'export const handel = 1, other = 2' },
      kind: 'no-handler',
      code: 4,
      says: ['no default export', 'handel, other'],
    },
    'a class instead of an instance': {
      files: { 'app.ts': 'export default class App { fetch() { return new Response() } }' },
      kind: 'no-handler',
      code: 4,
      says: ['is the class App, not an instance'],
    },
    'a second server by Bun.serve': {
      files: {
        'app.ts': `Bun.serve({ port: 4999, fetch: () => new Response() })\nBun.serve({ port: 4998, fetch: () => new Response() })`,
      },
      kind: 'own-port',
      code: 4,
      says: [
        'opens its own server (port 4998) beside the one on port 4999',
        'import.meta.main',
        '> 2 | Bun.serve',
      ],
      line: 2,
    },
    'a second server by node:http, in a module that waits for it for ever': {
      files: {
        'app.ts': `import { createServer } from 'node:http'\ncreateServer(() => {}).listen(4998)\nconst metrics = createServer(() => {})\nawait new Promise((resolve) => metrics.on('error', () => {}).listen(4997, resolve))`,
      },
      kind: 'own-port',
      code: 4,
      says: ['opens its own server (port 4997) beside the one on port 4998', '> 4 | '],
      line: 4,
    },
    'a server beside an exported handler, whose failure would be caught': {
      files: {
        'app.ts': `try { Bun.serve({ port: 4997, fetch: () => new Response() }) } catch {}\n${HELLO}`,
      },
      kind: 'own-port',
      code: 4,
      says: ['opens its own server (port 4997) beside the handler that is exported', '> 1 | try'],
      line: 1,
    },
    'a failing ready hook': {
      files: { 'app.ts': `${HELLO}\nexport const ready = async () => { throw new Error('no cache') }` },
      kind: 'ready-hook',
      code: 3,
      says: ["the application's ready() failed: no cache", '> 2 | export const ready'],
      line: 2,
    },
    'an exception in minified code': {
      files: { 'app.js': `${'let a=1;'.repeat(1).padEnd(40_000, ';')}throw new Error('dense')` },
      kind: 'import',
      code: 4,
      says: ['could not be loaded: dense', ";;throw new Error('dense')"],
      line: 1,
    },
    'an error with far more to say than fits into a message': {
      files: { 'app.ts': `throw new Error('much ' + 'x'.repeat(2_000_000))` },
      kind: 'import',
      code: 4,
      says: ['much xxx', 'more characters)'],
    },
    'a stray exception while it boots': {
      files: {
        'app.ts': `setTimeout(() => { throw new Error('stray') }, 1)\nawait Bun.sleep(2000)\n${HELLO}`,
      },
      kind: 'import',
      code: 4,
      says: ['stray'],
    },
  }

  test.each(Object.entries(cases))('%s: told to the supervisor and printed once', async (_, expected) => {
    await using supervised = new Supervised(new Folder(expected.files))
    const { failure } = await supervised.received('failed')
    expect(failure.kind).toBe(expected.kind as typeof failure.kind)
    if (expected.line !== undefined) expect(failure.line).toBe(expected.line)
    expect(await supervised.program.exitCode()).toBe(expected.code)
    const { stderr } = supervised.program
    for (const part of expected.says) expect(stderr).toContain(part)
    expect(failure.frame?.split('\n').every((row) => row.length < 180)).not.toBe(false)
    expect(stderr.split(failure.message)).toHaveLength(2)
    expect(stderr).toStartWith('error: ')
    expect(supervised.message('ready')).toBeUndefined()
  })
})

describe('under a supervisor', () => {
  test('sends hello, listening and ready, in this order, then beacons with its figures', async () => {
    await using supervised = new Supervised(new Folder({ 'app.ts': HELLO }))
    await supervised.received('ready')
    const spoken = supervised.messages.filter(({ type }) => type !== 'beacon')
    expect(spoken).toEqual([
      { type: 'hello', version: 1, workerId: 3, pid: supervised.program.process.pid },
      { type: 'listening', socket: supervised.socket },
      { type: 'ready', bootMs: expect.any(Number), entry: supervised.folder.file('app.ts') },
    ])
    await supervised.fetch('/')
    await until('the request shows', () => supervised.message('beacon')?.requests === 1)
    const beacon = supervised.message('beacon')
    expect(beacon?.rssBytes).toBeGreaterThan(10_000_000)
    expect(beacon?.inFlight).toBe(0)
    expect(supervised.program.stdout).toBe('')
  })

  test('a failure in minified code is logged, and answered, with the code around it', async () => {
    const app = `${';'.repeat(40_000)}export default () => { throw new Error('dense') };${';'.repeat(40_000)}`
    const env = { RIP_MODE: 'development' }
    await using supervised = new Supervised(new Folder({ 'app.js': app }), { env })
    await supervised.received('ready')
    for (const accept of ['application/json', 'text/html', 'text/plain']) {
      const page = await (await supervised.fetch('/', { headers: { accept } })).text()
      expect(page).toContain(';;export default () =')
      expect(page.length).toBeLessThan(10_000)
    }
    await until('it is logged', () => supervised.program.stderr.includes('error: dense'))
    expect(Math.max(...supervised.program.stderr.split('\n').map((row) => row.length))).toBeLessThan(200)
  })

  test('is not ready before the ready hook has settled', async () => {
    const app = `${HELLO}\nexport const ready = () => Bun.file(process.env.GATE).exists().then(async (open) => {
      while (!(await Bun.file(process.env.GATE).exists())) await Bun.sleep(5)
    })`
    const folder = new Folder({ 'app.ts': app })
    await using supervised = new Supervised(folder, { env: { GATE: folder.file('gate') } })
    await supervised.received('listening')
    await Bun.sleep(50)
    expect(supervised.message('ready')).toBeUndefined()
    folder.write('gate', '')
    await supervised.received('ready')
  })

  test('answers a ping with a beacon', async () => {
    await using supervised = new Supervised(new Folder({ 'app.ts': HELLO }), { beaconMs: 60_000 })
    await supervised.received('ready')
    const before = supervised.messages.length
    supervised.send({ type: 'ping' })
    await until('a beacon comes', () => supervised.messages.length > before)
    expect(supervised.messages.at(-1)?.type).toBe('beacon')
  })

  test('a blocked event loop shows as lag, a slow await does not', async () => {
    const app = `export default async ({ url }) => {
      if (url.endsWith('/block')) for (const end = Date.now() + 700; Date.now() < end; );
      else await Bun.sleep(700)
      return new Response('ok')
    }`
    await using supervised = new Supervised(new Folder({ 'app.ts': app }))
    await supervised.received('ready')
    const longest = (from: number): number =>
      Math.max(
        0,
        ...supervised.messages
          .slice(from)
          .map((message) => (message.type === 'beacon' ? message.loopLagMs : 0)),
      )
    // The cost of booting is in earlier beacons.
    await Bun.sleep(150)
    const waited = supervised.messages.length
    await supervised.fetch('/wait')
    // A busy machine may cause lag as well, but less.
    expect(longest(waited)).toBeLessThan(500)
    const blocked = supervised.messages.length
    await supervised.fetch('/block')
    await until('the lag is told', () => longest(blocked) >= 500)
  })

  test('a drain finishes requests, runs the close hook, sends drained and exits with 0', async () => {
    const app = `${SLOW}\nexport const close = async ({ signal }) => {
      await Bun.sleep(20)
      console.log('closed', signal.aborted)
    }`
    await using supervised = new Supervised(new Folder({ 'app.js': app }))
    await supervised.received('ready')
    const response = supervised.fetch('/')
    await until('it runs', () => supervised.program.stdout.includes('begun'))
    supervised.send({ type: 'drain', deadlineMs: 5000 })
    expect(await (await response).text()).toBe('finished')
    expect(await supervised.received('drained')).toEqual({ type: 'drained', abandoned: 0 })
    expect(await supervised.program.exitCode()).toBe(0)
    expect(supervised.program.stdout).toContain('closed false')
  })

  test('at the deadline it reports how many requests it cut off, and exits with 0', async () => {
    await using supervised = new Supervised(new Folder({ 'app.js': SLOW }))
    await supervised.received('ready')
    const response = supervised.fetch('/?ms=60000').catch(() => 'cut')
    await until('it runs', () => supervised.program.stdout.includes('begun'))
    supervised.send({ type: 'drain', deadlineMs: 50 })
    expect(await supervised.received('drained')).toEqual({ type: 'drained', abandoned: 1 })
    expect(await response).toBe('cut')
    expect(await supervised.program.exitCode()).toBe(0)
  })

  test('SIGTERM asks to be replaced and serves until it is told to drain', async () => {
    await using supervised = new Supervised(new Folder({ 'app.js': HELLO }))
    await supervised.received('ready')
    supervised.program.process.kill('SIGTERM')
    expect(await supervised.received('leaving')).toEqual({ type: 'leaving', reason: 'signal', inFlight: 0 })
    expect(await (await supervised.fetch('/')).text()).toBe('hello')
    supervised.send({ type: 'drain', deadlineMs: 1000 })
    expect(await supervised.program.exitCode()).toBe(0)
  })

  test('SIGTERM, however often, ends nothing before the supervisor orders it, whatever the listeners of the application do', async () => {
    const app = `${SLOW}\nprocess.on('SIGTERM', () => process.exit(7))`
    await using supervised = new Supervised(new Folder({ 'app.js': app }))
    await supervised.received('ready')
    const response = supervised.fetch('/?ms=1500')
    await until('it runs', () => supervised.program.stdout.includes('begun'))
    for (let n = 0; n < 10; n++) {
      supervised.program.process.kill('SIGTERM')
      await Bun.sleep(20)
    }
    expect(await (await response).text()).toBe('finished')
    expect(supervised.messages.filter(({ type }) => type === 'leaving')).toHaveLength(1)
    supervised.send({ type: 'drain', deadlineMs: 1000 })
    expect(await supervised.program.exitCode()).toBe(7)
    expect(supervised.message('drained')).toEqual({ type: 'drained', abandoned: 0 })
  })

  test('SIGTERM to a worker whose supervisor is gone does not end it earlier', async () => {
    await using supervised = new Supervised(new Folder({ 'app.js': HELLO }))
    await supervised.received('ready')
    supervised.program.process.kill('SIGTERM')
    supervised.hangUp()
    expect(await supervised.program.exitCode()).toBe(0)
  })

  test('a drain before the ready hook has settled ends the worker at once and leaves no socket', async () => {
    const app = `${HELLO}\nexport const ready = () => new Promise(() => {})`
    await using supervised = new Supervised(new Folder({ 'app.ts': app }))
    await supervised.received('listening')
    supervised.send({ type: 'drain', deadlineMs: 60_000 })
    expect(await supervised.program.exitCode()).toBe(0)
    expect(existsSync(supervised.socket)).toBe(false)
  })

  test('SIGTERM while booting ends the worker when the supervisor orders it, or has been silent for a moment', async () => {
    await using supervised = new Supervised(
      new Folder({ 'app.js': `console.log('in'); await Bun.sleep(60000)` }),
    )
    await until('the import runs', () => supervised.program.stdout.includes('in'))
    supervised.program.process.kill('SIGTERM')
    expect(await supervised.program.exitCode()).toBe(143)
  })

  test('signals of the terminal are left to the supervisor', async () => {
    await using supervised = new Supervised(new Folder({ 'app.js': HELLO }))
    await supervised.received('ready')
    for (const signal of ['SIGINT', 'SIGQUIT', 'SIGHUP'] as const) supervised.program.process.kill(signal)
    await Bun.sleep(50)
    expect(await (await supervised.fetch('/')).text()).toBe('hello')
    expect(supervised.message('leaving')).toBeUndefined()
  })

  test('when the control link ends, it finishes its requests, then exits', async () => {
    await using supervised = new Supervised(new Folder({ 'app.js': SLOW }))
    await supervised.received('ready')
    const response = supervised.fetch('/')
    await until('it runs', () => supervised.program.stdout.includes('begun'))
    supervised.hangUp()
    expect(await (await response).text()).toBe('finished')
    expect(await supervised.program.exitCode()).toBe(0)
  })

  test('after the control link has ended it answers requests that the balancer still sends, then exits', async () => {
    await using supervised = new Supervised(new Folder({ 'app.js': HELLO }))
    await supervised.received('ready')
    supervised.hangUp()
    for (const until = performance.now() + 600; performance.now() < until;) {
      expect(await (await supervised.fetch('/')).text()).toBe('hello')
      await Bun.sleep(20)
    }
    expect(await supervised.program.exitCode()).toBe(0)
  })

  test('the end of the pipe on standard input has the same effect', async () => {
    await using supervised = new Supervised(new Folder({ 'app.js': SLOW }), { stdin: 'pipe' })
    await supervised.received('ready')
    const response = supervised.fetch('/')
    await until('it runs', () => supervised.program.stdout.includes('begun'))
    const { stdin } = supervised.program.process
    if (typeof stdin !== 'object') throw new Error('there is no pipe')
    await stdin.end()
    expect(await (await response).text()).toBe('finished')
    expect(await supervised.program.exitCode()).toBe(0)
  })

  test('an open pipe keeps it alive, even if the application reads nothing', async () => {
    await using supervised = new Supervised(new Folder({ 'app.js': HELLO }), { stdin: 'pipe' })
    await supervised.received('ready')
    await Bun.sleep(50)
    expect(await (await supervised.fetch('/')).text()).toBe('hello')
  })

  test('a supervisor of another version is refused by name', async () => {
    await using supervised = new Supervised(new Folder({ 'app.js': HELLO }), { version: 99 })
    const { failure } = await supervised.received('failed')
    expect(failure.message).toContain('version 99 of the control protocol, this worker version 1')
    expect(await supervised.program.exitCode()).toBe(3)
  })

  test('a supervisor that reports another version later is refused as well: the worker is not ready before', async () => {
    await using supervised = new Supervised(new Folder({ 'app.js': HELLO }), { welcomes: false })
    await supervised.received('listening')
    expect(await (await supervised.fetch('/')).text()).toBe('hello')
    expect(supervised.message('ready')).toBeUndefined()
    supervised.send({ type: 'welcome', version: 99, beaconMs: 20 })
    expect((await supervised.received('failed')).failure.message).toContain('version 99')
    expect(await supervised.program.exitCode()).toBe(3)
  })

  test('with a snapshot it runs the code of its generation, also after the disk has changed', async () => {
    const part = (text: string): string => `export const text = '${text}'`
    const folder = new Folder({
      'app/lib/part.ts': part('frozen'),
      'app/app.ts': `import { text } from './lib/part.ts'\nexport default () => new Response(text)`,
    })
    const builder = Bun.resolveSync('@rip/transpile/builder', import.meta.dir)
    const snapshot = folder.file('snapshot')
    const built = Bun.spawnSync(
      [process.execPath, builder, '--root', folder.file('app'), '--out', snapshot],
      { env: { ...process.env, RIP_CACHE: 'off' } },
    )
    expect(built.stdout.toString()).toContain('"ok":true')
    rmSync(folder.file('app/app.ts'))
    folder.write('app/lib/part.ts', part('edited'))
    folder.write('app/index.ts', `export default () => new Response('newer entry')`)

    const options = { args: [folder.file('app')], env: { RIP_SNAPSHOT: snapshot } }
    await using supervised = new Supervised(folder, options)
    expect((await supervised.received('ready')).entry).toBe(folder.file('app/app.ts'))
    expect(await (await supervised.fetch('/')).text()).toBe('frozen')
  })

  test('a missing snapshot: a message, and exit code 4', async () => {
    using missing = new Folder()
    const env = { RIP_SNAPSHOT: missing.file('gone') }
    await using supervised = new Supervised(new Folder({ 'app.js': HELLO }), { env })
    const { failure } = await supervised.received('failed')
    expect(failure.kind).toBe('import')
    expect(failure.message).toContain(missing.file('gone'))
    expect(await supervised.program.exitCode()).toBe(4)
  })

  test('no supervisor on the control socket: exit code 3', async () => {
    using folder = new Folder({ 'app.js': HELLO })
    const env = { RIP_SOCKET: folder.file('w'), RIP_CONTROL: folder.file('nobody') }
    await using program = new Program({ args: [folder.path], env })
    expect(await program.exitCode()).toBe(3)
    expect(program.stderr).toContain('cannot reach the supervisor on its control socket')
  })
})

describe('exceptions that the application does not catch', () => {
  const app = `export default async ({ url }) => {
    if (url.endsWith('/throw')) setTimeout(() => { throw new Error('out of the blue') })
    if (url.endsWith('/reject')) void Promise.reject(new Error('nobody listens'))
    if (url.endsWith('/slow')) { console.log('begun'); await Bun.sleep(300) }
    return new Response('ok')
  }`

  test('an unhandled rejection is logged, the worker stays', async () => {
    await using supervised = new Supervised(new Folder({ 'app.js': app }))
    await supervised.received('ready')
    await supervised.fetch('/reject')
    await until('it is logged', () => supervised.program.stderr.includes('unhandled rejection'))
    expect(supervised.program.stderr).toContain('nobody listens')
    expect(await (await supervised.fetch('/')).text()).toBe('ok')
    expect(supervised.message('leaving')).toBeUndefined()
  })

  test('an uncaught exception in production: it leaves as unhealthy, finishes its requests, and exits with 1', async () => {
    await using supervised = new Supervised(new Folder({ 'app.js': app }))
    await supervised.received('ready')
    const slow = supervised.fetch('/slow')
    await until('it runs', () => supervised.program.stdout.includes('begun'))
    await supervised.fetch('/throw')
    expect(await supervised.received('leaving')).toMatchObject({ reason: 'unhealthy' })
    supervised.send({ type: 'drain', deadlineMs: 5000 })
    expect(await (await slow).text()).toBe('ok')
    expect(await supervised.program.exitCode()).toBe(1)
    expect(supervised.program.stderr).toContain('out of the blue')
  })

  test('an uncaught exception in development is logged, the worker stays', async () => {
    await using supervised = new Supervised(new Folder({ 'app.js': app }), {
      env: { RIP_MODE: 'development' },
    })
    await supervised.received('ready')
    await supervised.fetch('/throw')
    await until('it is logged', () => supervised.program.stderr.includes('out of the blue'))
    expect(await (await supervised.fetch('/')).text()).toBe('ok')
  })
})

describe('standing by', () => {
  const standby = { RIP_STANDBY: '1' }

  test('serves once it gets the rest of its environment', async () => {
    const source = `export default () => Response.json([process.env.RIP_WORKER_ID, process.env.RIP_STANDBY ?? null])`
    using folder = new Folder({ 'app.js': source })
    const socket = folder.file('s.sock')
    await using program = new Program({ args: [folder.path], env: standby, stdin: 'pipe' })
    const late = JSON.stringify({ RIP_SOCKET: socket, RIP_WORKER_ID: '7' })
    // In two pieces, because a pipe may split it.
    await write(program, late.slice(0, 10))
    await write(program, `${late.slice(10)}\n`)
    expect(await program.address()).toBe(`unix:${socket}`)
    expect(await (await fetch('http://worker/', { unix: socket })).json()).toEqual(['7', null])
  })

  test('ends when its supervisor ends without using it', async () => {
    await using program = new Program({ env: standby, stdin: 'pipe' })
    await (program.process.stdin as Bun.FileSink).end()
    expect(await program.exitCode()).toBe(0)
    expect(program.stdout + program.stderr).toBe('')
  })

  test('notices the death of its supervisor after it was put to use', async () => {
    using folder = new Folder({ 'app.js': HELLO })
    await using supervised = new Supervised(folder, { env: { ...standby }, stdin: 'pipe' })
    await write(supervised.program, '{}\n')
    await until('it is ready', () => supervised.messages.some(({ type }) => type === 'ready'))
    await (supervised.program.process.stdin as Bun.FileSink).end()
    expect(await supervised.program.exitCode()).toBe(0)
  })
})

async function write({ process: { stdin } }: Program, text: string): Promise<void> {
  await (stdin as Bun.FileSink).write(text)
  await (stdin as Bun.FileSink).flush()
}

describe('an application that forks processes with node:cluster', () => {
  const primary = (fork: string): string => `
    import cluster from 'node:cluster'
    import { createServer } from 'node:http'
    const fork = () => { const { pid } = cluster.fork().process; console.log('forked', pid) }
    if (cluster.isPrimary) { cluster.on('exit', fork); ${fork} }
    else createServer((_, response) => response.end('hello')).listen(3000)`

  test.each([
    ['at once', 'fork(); fork()', '2 processes'],
    ['later on', 'setTimeout(fork, 100)', 'a process'],
  ])('%s is refused by name, and leaves none of them behind', async (_, fork, count) => {
    await using supervised = new Supervised(new Folder({ 'app.mjs': primary(fork) }))
    const { failure } = await supervised.received('failed')
    expect(failure).toMatchObject({ kind: 'no-handler' })
    expect(failure.message).toContain(`forks ${count} with node:cluster and opens no server itself`)
    expect(failure.message).toContain('-w (--workers)')
    expect(await supervised.program.exitCode()).toBe(4)
    const pids = [...supervised.program.stdout.matchAll(/forked (\d+)/g)].map(([, pid]) => Number(pid))
    expect(pids.length).toBeGreaterThan(0)
    await until('they have gone', () => pids.every((pid) => !existsSync(`/proc/${pid}/cmdline`)))
  })
})

test.each([
  ['at once', `const forks = 2`, '2 processes'],
  ['one', `const forks = 1`, '1 process'],
])(
  'processes that node:cluster forks beside an exported handler are ended, with a warning: %s',
  async (_, forks, told) => {
    const source = `
    import cluster from 'node:cluster'
    ${forks}
    const fork = () => { const { pid } = cluster.fork().process; console.log('forked', pid) }
    if (cluster.isPrimary) { cluster.on('exit', fork); for (let i = 0; i < forks; i++) fork() }
    export default () => new Response('hello')`
    await using supervised = new Supervised(new Folder({ 'app.mjs': source }), {
      env: { RIP_WORKER_ID: '1' },
    })
    await supervised.received('ready')
    const warning = `forks ${told} with node:cluster beside the handler it exports`
    await until('it is told', () => supervised.program.stderr.includes(warning))
    const pids = [...supervised.program.stdout.matchAll(/forked (\d+)/g)].map(([, pid]) => Number(pid))
    expect(pids.length).toBeGreaterThan(0)
    await until('they have gone', () => pids.every((pid) => !existsSync(`/proc/${pid}/cmdline`)))
    expect(supervised.messages.filter(({ type }) => type === 'hello')).toHaveLength(1)
  },
)

describe('an application that opens its server only as the main module', () => {
  const start = `setTimeout(() => Bun.serve({ port: 3000, fetch: () => new Response('hello') }), 200)`

  test.each([
    ['app.mjs', `export const title = 'x'\nif (import.meta.main) ${start}`],
    ['app.cjs', `exports.title = 'x'\nif (require.main === module) ${start}`],
  ])('%s is waited for, whatever else it exports', async (name, source) => {
    await using supervised = new Supervised(new Folder({ [name]: source }))
    await supervised.received('ready')
  })

  test('and has another default export is refused with what does not run and what to export', async () => {
    const source = `export default { title: 'x' }\nif (import.meta.main) ${start}`
    await using supervised = new Supervised(new Folder({ 'app.mjs': source }))
    const { failure } = await supervised.received('failed')
    expect(failure).toMatchObject({ kind: 'no-handler' })
    expect(failure.message).toContain('an object with title')
    expect(failure.message).toContain('What it does behind import.meta.main is not run')
  })
})
