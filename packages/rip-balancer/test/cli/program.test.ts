import { describe, expect, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { TempFolder, TestBackend, named, until } from '../servers.ts'

const PROGRAM = fileURLToPath(new URL('../../bin/rip-balancer', import.meta.url))

/** The program as a user starts it. */
class Program implements AsyncDisposable {
  out = ''
  err = ''
  readonly child: Bun.Subprocess<'pipe', 'pipe', 'pipe'>
  private readonly read: Promise<unknown>

  constructor(...args: string[]) {
    this.child = Bun.spawn([PROGRAM, ...args], {
      stdin: 'pipe',
      stdout: 'pipe',
      stderr: 'pipe',
      env: { ...process.env, RIP_PARENT_FD: '0' },
    })
    const follow = async (
      stream: ReadableStream<Uint8Array>,
      keep: (text: string) => void,
    ): Promise<void> => {
      for await (const bytes of stream) keep(new TextDecoder().decode(bytes))
    }
    this.read = Promise.all([
      follow(this.child.stdout, (text) => (this.out += text)),
      follow(this.child.stderr, (text) => (this.err += text)),
    ])
  }

  async url(): Promise<string> {
    await until(() => this.out.includes('\n'), 'the program says where it listens')
    return /^listening (http:\S+)\n/.exec(this.out)?.[1] ?? ''
  }

  async exit(): Promise<number> {
    await this.read
    return this.child.exited
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.child.kill('SIGKILL')
    await this.child.exited
  }
}

const LISTEN = ['--listen', '127.0.0.1:0']

describe('rip-balancer', () => {
  test('serves, says where, and finishes what is under way on SIGTERM', async () => {
    using folder = new TempFolder()
    const gate = Promise.withResolvers<Response>()
    await using slow = new TestBackend(folder.file('slow.sock'), () => gate.promise)
    await using program = new Program(...LISTEN, '--to', slow.address)
    const answer = fetch(await program.url())
    await until(() => slow.requests === 1, 'the request reached the backend')
    program.child.kill('SIGTERM')
    gate.resolve(new Response('finished'))
    expect(await (await answer).text()).toBe('finished')
    expect(await program.exit()).toBe(0)
  })

  test('leaves at once on a second signal, and says so with its exit code', async () => {
    using folder = new TempFolder()
    const never = Promise.withResolvers<Response>()
    await using stuck = new TestBackend(folder.file('stuck.sock'), () => never.promise)
    await using program = new Program(...LISTEN, '--to', stuck.address)
    const answer = fetch(await program.url()).catch(() => 'cut')
    await until(() => stuck.requests === 1, 'the request reached the backend')
    program.child.kill('SIGINT')
    const url = await program.url()
    await until(
      () =>
        fetch(`${url}/probe`).then(
          () => false,
          () => true,
        ),
      'it accepts nothing new',
    )
    program.child.kill('SIGINT')
    expect(await program.exit()).toBe(1)
    expect(await answer).toBe('cut')
  })

  test('leaves when its parent is gone', async () => {
    await using program = new Program(...LISTEN)
    await program.url()
    await program.child.stdin.end()
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
    await until(() => program.err.includes('configuration reloaded'), 'the reload')
    expect(await (await fetch(url)).text()).toBe('b')
    write(['nonsense', 7])
    program.child.kill('SIGHUP')
    await until(() => program.err.includes('kept the running configuration'), 'the refusal')
    expect(program.err).toContain('to[0].address: expected host:port or unix:PATH, got "nonsense"')
    expect(await (await fetch(url)).text()).toBe('b')
  })

  for (const [args, code, message] of [
    [['--lisen', ':1'], 2, 'unknown flag --lisen; did you mean "--listen"?'],
    [['--to'], 2, '--to needs a value'],
    [['--tls-cert', 'x.pem'], 2, '--tls-cert and --tls-key go together'],
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
