import { describe, expect, test } from 'bun:test'
import { existsSync, rmSync } from 'node:fs'
import { isAlive, until } from '@rip/testing'
import { Folder, Program, SLOW, Supervised } from './helpers.ts'

const HELLO = `export default () => new Response('hello')`

describe('under a supervisor', () => {
  test('sends hello, listening and ready, in this order, then beacons with its figures', async () => {
    await using supervised = new Supervised(new Folder({ 'app.ts': HELLO }))
    await supervised.received('ready')
    const spoken = supervised.messages.filter(({ type }) => type !== 'beacon')
    expect(spoken).toEqual([
      { type: 'hello', version: 1, workerId: 3, pid: supervised.program.process.pid },
      { type: 'listening', socket: supervised.socket, http2: true },
      { type: 'ready', bootMs: expect.any(Number), entry: supervised.folder.file('app.ts') },
    ])
    await supervised.fetch('/')
    await until('the request shows', () => supervised.message('beacon')?.requests === 1)
    const beacon = supervised.message('beacon')
    expect(beacon?.rssBytes).toBeGreaterThan(10_000_000)
    expect(beacon?.inFlight).toBe(0)
    expect(supervised.program.stdout).toBe('')
  })

  test('does not say that it takes HTTP/2 when its server is that of node:http', async () => {
    const app = `import { createServer } from 'node:http'\nexport default createServer((_, response) => response.end('hello'))`
    await using supervised = new Supervised(new Folder({ 'app.ts': app }))
    await supervised.received('ready')
    expect(supervised.message('listening')).toMatchObject({ http2: false })
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

  test('what the application has started ends with a worker whose supervisor is gone, after its own last words', async () => {
    const app = `import { spawn } from 'node:child_process'
      const child = spawn('sleep', ['60'], { stdio: 'ignore' })
      process.on('exit', () => console.log(process.kill(child.pid, 0) ? 'it runs' : ''))
      export default () => new Response(String(child.pid))`
    const folder = new Folder({ 'app.js': app })
    await using supervised = new Supervised(folder, { stdin: 'pipe', detached: true })
    await supervised.received('ready')
    const pid = Number(await (await supervised.fetch('/')).text())
    const { stdin } = supervised.program.process
    if (typeof stdin !== 'object') throw new Error('there is no pipe')
    await stdin.end()
    expect(await supervised.program.exitCode()).toBe(0)
    await until('it has spoken', () => supervised.program.stdout.includes('it runs'))
    await until('its child has ended', () => !isAlive(pid))
  })

  test('a program may tell a parent process that it is ready, as under pm2', async () => {
    const app = `process.send('ready', (error) => console.log('sent', error))
      export default () => new Response(String(process.send({})))`
    await using supervised = new Supervised(new Folder({ 'app.js': app }))
    await supervised.received('ready')
    expect(await (await supervised.fetch('/')).text()).toBe('true')
    await until('its callback was called', () => supervised.program.stdout.includes('sent null'))
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
