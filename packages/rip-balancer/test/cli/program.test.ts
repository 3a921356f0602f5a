import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { until } from '@rip/testing'
import { TlsBackend, pem } from '../tls/tls-backend.ts'
import { TempFolder, TestBackend, named } from '../servers.ts'
import { AdminClient } from '../../src/admin/admin-client.ts'
import { PROGRAM, Program, refusesConnections } from './program.ts'

// Programs take long to start on a busy machine.
setDefaultTimeout(20_000)

const LISTEN = ['--listen', '127.0.0.1:0']
/** Signals closer together count as one. */
const SAME_REQUEST_MS = 300

describe('rip-balancer', () => {
  test('serves, prints where, and finishes requests under way on SIGTERM', async () => {
    using folder = new TempFolder()
    const gate = Promise.withResolvers<Response>()
    await using slow = new TestBackend(folder.file('slow.sock'), () => gate.promise)
    await using program = new Program(...LISTEN, '--to', slow.address)
    const answer = fetch(await program.url())
    await until('the request reached the backend', () => slow.requests === 1)
    program.child.kill('SIGTERM')
    gate.resolve(new Response('finished'))
    expect(await (await answer).text()).toBe('finished')
    expect(await program.exit()).toBe(0)
  })

  test('abandons requests that take longer than the drain timeout', async () => {
    using folder = new TempFolder()
    const never = Promise.withResolvers<Response>()
    await using stuck = new TestBackend(folder.file('stuck.sock'), () => never.promise)
    await using program = new Program(...LISTEN, '--to', stuck.address, '--drain-timeout', '50ms')
    const answer = fetch(await program.url()).catch(() => 'cut')
    await until('the request reached the backend', () => stuck.requests === 1)
    program.child.kill('SIGTERM')
    expect(await program.exit()).toBe(1)
    expect(program.err).toContain('gave up on 1 request that did not finish in time')
    expect(await answer).toBe('cut')
  })

  test('leaves by order on the admin socket, and answers what it abandoned before it ends', async () => {
    using folder = new TempFolder()
    const never = Promise.withResolvers<Response>()
    await using stuck = new TestBackend(folder.file('stuck.sock'), () => never.promise)
    const admin = ['--admin', `unix:${folder.file('admin.sock')}`]
    await using program = new Program(...LISTEN, ...admin, '--to', stuck.address, '--drain-timeout', '50ms')
    const answer = fetch(await program.url()).catch(() => 'cut')
    await until('the request reached the backend', () => stuck.requests === 1)
    const client = new AdminClient({ socket: folder.file('admin.sock') })
    expect(await client.status()).toMatchObject({ ready: true, listening: [await program.url()] })
    expect(await client.leave()).toEqual({ abandoned: 1 })
    expect(await program.exit()).toBe(1)
    expect(await answer).toBe('cut')
  })

  test('leaves at once on a second signal, with exit code 1', async () => {
    using folder = new TempFolder()
    const never = Promise.withResolvers<Response>()
    await using stuck = new TestBackend(folder.file('stuck.sock'), () => never.promise)
    await using program = new Program(...LISTEN, '--to', stuck.address)
    const answer = fetch(await program.url()).catch(() => 'cut')
    await until('the request reached the backend', () => stuck.requests === 1)
    program.child.kill('SIGINT')
    const url = await program.url()
    await until('it accepts nothing new', () => refusesConnections(url))
    // Earlier it would count as the same signal, passed on by the parent process.
    await Bun.sleep(SAME_REQUEST_MS)
    program.child.kill('SIGINT')
    expect(await program.exit()).toBe(1)
    expect(await answer).toBe('cut')
    expect(program.err).toContain('gave up on 1 request that did not finish in time')
  })

  test('treats a signal that arrives twice at once, as by way of bun run, as one', async () => {
    using folder = new TempFolder()
    const answer = Promise.withResolvers<Response>()
    await using slow = new TestBackend(folder.file('slow.sock'), () => answer.promise)
    await using program = new Program(...LISTEN, '--to', slow.address)
    const url = await program.url()
    const response = fetch(url)
    await until('the request reached the backend', () => slow.requests === 1)
    for (const signal of ['SIGINT', 'SIGINT', 'SIGTERM'] as const) program.child.kill(signal)
    await until('it accepts nothing new', () => refusesConnections(url))
    answer.resolve(new Response('late'))
    expect(await (await response).text()).toBe('late')
    expect(await program.exit()).toBe(0)
  })

  test('with --accept-when-routed leaves connections to others until it has backends', async () => {
    using folder = new TempFolder()
    await using a = named(folder, 'a')
    const [socket, front] = [folder.file('admin.sock'), folder.file('front.sock')]
    const options = ['--admin', `unix:${socket}`, '--accept-when-routed']
    await using program = new Program('--listen', `unix:${front}`, ...options)
    await until('it has started', () => program.out.includes('listening'))
    expect(existsSync(front)).toBe(false)
    const admin = new AdminClient({ socket })
    await admin.prepare('g1', [{ id: 'a', address: a.address }])
    expect(existsSync(front)).toBe(false)
    await admin.cut('g1')
    await until('it accepts', () => existsSync(front))
    expect(await (await fetch('http://localhost/', { unix: front })).text()).toBe('a')
  })

  test('leaves when its parent is gone', async () => {
    await using program = new Program(...LISTEN, '--to', '127.0.0.1:1')
    await program.url()
    await program.child.stdin.end()
    expect(await program.exit()).toBe(0)
  })

  test('goes on finishing its requests when its parent dies during a drain', async () => {
    const [begun, answer] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    using backend = Bun.serve({
      port: 0,
      async fetch() {
        begun.resolve()
        await answer.promise
        return new Response('late')
      },
    })
    await using program = new Program(...LISTEN, '--to', `127.0.0.1:${backend.port}`)
    const url = await program.url()
    const response = fetch(url)
    await begun.promise
    program.child.kill('SIGTERM')
    await until('it takes nothing new', async () => !(await accepts(url)))
    await program.child.stdin.end()
    // It cannot be observed from outside that the program has noticed the end.
    await Bun.sleep(50)
    answer.resolve()
    expect(await (await response).text()).toBe('late')
    expect(await program.exit()).toBe(0)
  })

  test('takes a changed configuration file on SIGHUP, and keeps the old one when it is not valid', async () => {
    using folder = new TempFolder()
    await using a = named(folder, 'a')
    await using b = named(folder, 'b')
    const file = folder.file('balancer.json')
    const write = (to: unknown): void => writeFileSync(file, JSON.stringify({ listen: '127.0.0.1:0', to }))
    write(a.address)
    await using program = new Program('--config', file)
    const url = await program.url()
    write(b.address)
    program.child.kill('SIGHUP')
    await until('the reload', () => program.err.includes('configuration reloaded'))
    expect(await (await fetch(url)).text()).toBe('b')
    write(['nonsense', 7])
    program.child.kill('SIGHUP')
    await until('the refusal', () => program.err.includes('kept the running configuration'))
    expect(program.err).toContain(
      'to[0].address: expected host:port, https://host:port, h2c://host:port or unix:PATH, got "nonsense"',
    )
    expect(await (await fetch(url)).text()).toBe('b')
  })

  test('prints additional addresses after a SIGHUP', async () => {
    using folder = new TempFolder()
    await using a = named(folder, 'a')
    const file = folder.file('balancer.json')
    const write = (listen: unknown): void => writeFileSync(file, JSON.stringify({ listen, to: a.address }))
    write('127.0.0.1:0')
    await using program = new Program('--config', file)
    const url = await program.url()
    write(['127.0.0.1:0', `unix:${folder.file('front.sock')}`])
    program.child.kill('SIGHUP')
    await until('the second address', () => program.out.includes('\nlistening unix:'))
    expect(program.out).toBe(`listening ${url}\nlistening unix:${folder.file('front.sock')}\n`)
    expect(await (await fetch('http://h/', { unix: folder.file('front.sock') })).text()).toBe('a')
  })

  test('opens its log file again on SIGUSR1', async () => {
    using folder = new TempFolder()
    await using a = named(folder, 'a')
    const [config, log] = [folder.file('balancer.json'), folder.file('access.log')]
    writeFileSync(config, JSON.stringify({ listen: '127.0.0.1:0', to: a.address, accessLog: { file: log } }))
    await using program = new Program('--config', config)
    const url = await program.url()
    await (await fetch(`${url}/one`)).text()
    await until('the first line', () => existsSync(log) && readFileSync(log, 'utf8').includes('/one'))
    renameSync(log, `${log}.1`)
    program.child.kill('SIGUSR1')
    await until('a line in the new file', async () => {
      await (await fetch(`${url}/two`)).text()
      return existsSync(log) && readFileSync(log, 'utf8').includes('/two')
    })
    expect(readFileSync(`${log}.1`, 'utf8')).toContain('/one')
  })

  test('listens on several addresses and names each', async () => {
    using folder = new TempFolder()
    await using a = named(folder, 'a')
    const front = folder.file('front.sock')
    await using program = new Program(...LISTEN, '--listen', `unix:${front}`, '--to', a.address)
    await until('two lines', () => program.out.split('\n').length > 2)
    expect(program.out).toEndWith(`\nlistening unix:${front}\n`)
    expect(await (await fetch('http://localhost/', { unix: front })).text()).toBe('a')
    expect(await (await fetch(await program.url())).text()).toBe('a')
  })

  test('prefers flags to its configuration file', async () => {
    using folder = new TempFolder()
    await using a = named(folder, 'a')
    const config = folder.file('balancer.json')
    writeFileSync(config, JSON.stringify({ listen: 'nonsense', to: 'unix:/nowhere', queue: { length: 7 } }))
    await using program = new Program(
      '--config',
      config,
      ...LISTEN,
      '--to',
      a.address,
      '--queue-timeout',
      '1s',
    )
    expect(await (await fetch(await program.url())).text()).toBe('a')
  })

  test('speaks TLS to backends as its flags say', async () => {
    await using backend = await TlsBackend.start({ asksForCertificate: true })
    const files = [pem('authority.crt'), pem('client.crt'), pem('client.key')] as const
    const flags = ['--backend-ca', files[0], '--backend-cert', files[1], '--backend-key', files[2]]
    const to = ['--listen', '127.0.0.1:0', '--to', backend.address, '--backend-name', 'backend.test']
    await using program = new Program(...to, ...flags)
    expect(await (await fetch(await program.url())).text()).toBe('ok')
    expect(backend.names).toEqual(['backend.test'])
  })

  test('says that it needs Bun where there is none', async () => {
    const child = Bun.spawn(['/bin/sh', PROGRAM, '--to', 'x:1'], {
      env: { PATH: '/nonexistent', HOME: '/nonexistent' },
      stderr: 'pipe',
    })
    const said = await new Response(child.stderr).text()
    expect([await child.exited, said.split('\n')[0]]).toEqual([
      1,
      'rip-balancer needs Bun 1.4.5 or newer, and there is no bun on the PATH. With Node.js and npm alone, run:',
    ])
    expect(said).toContain(`npx -y bun@1.4.5 ${PROGRAM} --to x:1`)
  })

  for (const [args, code, message] of [
    [['--lisen', ':1'], 2, 'unknown flag --lisen; did you mean --listen?'],
    [['--to'], 2, '--to needs a value'],
    [['--tls-cert', 'x.pem'], 2, '--tls-cert and --tls-key go together'],
    [['--http2', 'maybe', '--to', ':1'], 5, 'http2: expected true or false, got "maybe"'],
    [['--policy', 'best'], 5, 'policy: expected one of round-robin, least-requests'],
    [['--config', '/nowhere.json'], 5, '/nowhere.json'],
  ] as const) {
    test(`${args.join(' ')} ends with ${code} and says why`, async () => {
      await using program = new Program(...args)
      expect(await program.exit()).toBe(code)
      expect(program.err).toContain(message)
      expect(program.out).toBe('')
    })
  }

  test('--help names every flag on standard output', async () => {
    await using program = new Program('--help')
    expect(await program.exit()).toBe(0)
    for (const flag of ['--listen', '--to', '--config', '--admin', '--max-body'])
      expect(program.out).toContain(flag)
  })
})

function accepts(url: string): Promise<boolean> {
  return fetch(url, { keepalive: false, method: 'HEAD', signal: AbortSignal.timeout(200) }).then(
    () => true,
    (error: Error) => error.name === 'TimeoutError',
  )
}
