import { describe, expect, test } from 'bun:test'
import { existsSync } from 'node:fs'
import { until } from '@rip/testing'
import { Folder, Program, RawConnection, SLOW, Supervised } from './helpers.ts'

const HELLO = `export default () => new Response('hello')`

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

  test('an uncaught exception in development is logged and told with its place, the worker stays', async () => {
    await using supervised = new Supervised(new Folder({ 'app.js': app }), {
      env: { RIP_MODE: 'development' },
    })
    await supervised.received('ready')
    await supervised.fetch('/throw')
    await until('it is logged', () => supervised.program.stderr.includes('out of the blue'))
    expect(await supervised.received('uncaught')).toMatchObject({
      origin: 'exception',
      failure: {
        kind: 'uncaught',
        message: 'Error: out of the blue',
        file: expect.stringContaining('/app.js'),
        frame: expect.stringContaining('out of the blue'),
      },
    })
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
