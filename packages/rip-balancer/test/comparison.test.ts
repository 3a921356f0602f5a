/** Checks the statements of docs/balancer-comparison.md about rip-balancer; `peers/comparison.ts` checks the others. */
import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import net from 'node:net'
import { until } from '@rip/testing'
import { Program } from './cli/program.ts'
import { putCertificate, tasks, type Task } from './comparison-page.ts'
import { TempFolder } from './servers.ts'

// Programs take long to start on a busy machine.
setDefaultTimeout(20_000)

const taskOf = (number: number): Task => tasks.find(({ name }) => name.startsWith(`${number}. `))!

/** A backend that answers with its name and with the fields about the client. */
class Origin implements Disposable {
  requests = 0
  isWell = true
  answer: Promise<void> = Promise.resolve()
  private readonly server: Bun.Server<undefined>

  constructor(name: string) {
    this.server = Bun.serve({
      port: 0,
      hostname: '127.0.0.1',
      fetch: async ({ url, headers }) => {
        if (new URL(url).pathname === '/up') return new Response('', { status: this.isWell ? 200 : 500 })
        this.requests++
        await this.answer
        return new Response(`${name} ${headers.get('x-forwarded-proto')} ${headers.get('x-forwarded-for')}`)
      },
    })
  }

  get address(): string {
    return `127.0.0.1:${this.server.port}`
  }

  [Symbol.dispose](): void {
    void this.server.stop(true)
  }
}

/** A configuration of the page with real backends, run by the program, with free ports and with paths in a folder. */
class Stand implements AsyncDisposable {
  readonly folder: TempFolder = new TempFolder()
  readonly b1: Origin = new Origin('b1')
  readonly b2: Origin = new Origin('b2')
  readonly file: string = this.folder.file('balancer.json')
  readonly program: Program
  private readonly text: string

  constructor(number: number) {
    putCertificate(this.folder)
    this.text = taskOf(number)
      .blocks.get('jsonc')!
      .replaceAll('127.0.0.1:3000', this.b1.address)
      .replaceAll('127.0.0.1:3001', this.b2.address)
      .replaceAll(/127\.0\.0\.1:(?:8080|8443|9090)/g, '127.0.0.1:0')
      .replaceAll('/etc/ssl/shop', this.folder.path)
      .replaceAll('/run/rip-balancer.sock', this.socket)
    this.write((text) => text)
    this.program = new Program('--config', this.file)
  }

  get socket(): string {
    return this.folder.file('admin.sock')
  }

  write(change: (text: string) => string): void {
    writeFileSync(this.file, change(this.text))
  }

  async url(): Promise<string> {
    await until('the program says where it listens', () => this.program.out.includes('\n'))
    return /^listening (\S+)\n/.exec(this.program.out)?.[1] ?? ''
  }

  async get(path = '/', headers: Record<string, string> = {}): Promise<Response> {
    const tls = { rejectUnauthorized: false }
    return fetch((await this.url()) + path, { headers: { connection: 'close', ...headers }, tls })
  }

  /** Name of the backend that answers. */
  async who(headers: Record<string, string> = {}): Promise<string> {
    return (await (await this.get('/', headers)).text()).slice(0, 2)
  }

  async many(count: number): Promise<string[]> {
    const all: string[] = []
    for (let n = 0; n < count; n++) all.push(await this.who())
    return all
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.program[Symbol.asyncDispose]()
    this.b1[Symbol.dispose]()
    this.b2[Symbol.dispose]()
    this.folder[Symbol.dispose]()
  }
}

const times = (all: readonly string[], name: string): number => all.filter((each) => each === name).length

describe('rip-balancer does what the page says:', () => {
  test('1. two backends take turns, and one that cannot be reached is left out', async () => {
    await using stand = new Stand(1)
    expect(times(await stand.many(6), 'b1')).toBe(3)
    stand.b1[Symbol.dispose]()
    expect(await stand.many(4)).toEqual(['b2', 'b2', 'b2', 'b2'])
  })

  test('2. a backend that fails its health check takes nothing until it passes again', async () => {
    await using stand = new Stand(2)
    stand.write((text) => text.replace('"5s"', '"50ms"'))
    await stand.url()
    stand.program.child.kill('SIGHUP')
    stand.b1.isWell = false
    await until('it is taken out', () => stand.program.err.includes('health check failed: status 500'))
    expect(await stand.many(4)).toEqual(['b2', 'b2', 'b2', 'b2'])
    stand.b1.isWell = true
    await until('it is back', () => stand.program.err.includes('it recovered'))
    expect(times(await stand.many(4), 'b1')).toBe(2)
  })

  test('3. a cookie keeps a client at its backend', async () => {
    await using stand = new Stand(3)
    const first = await stand.get()
    const name = (await first.text()).slice(0, 2)
    const cookie = first.headers.get('set-cookie')!.split(';')[0]!
    expect(cookie).toStartWith('backend=')
    for (let n = 0; n < 5; n++) expect(await stand.who({ cookie })).toBe(name)
  })

  test('4. a backend is taken out by a command that waits for what is under way', async () => {
    await using stand = new Stand(4)
    const gate = Promise.withResolvers<void>()
    stand.b1.answer = gate.promise
    const both = [stand.who(), stand.who()]
    await until('a request is under way', () => stand.b1.requests === 1)
    const commands = [
      ...taskOf(4)
        .blocks.get('console')!
        .matchAll(/^\$ rip-balancer (.*)$/gm),
    ]
    const [drain, undrain] = commands.map(([, words = '']) =>
      words.replace('/run/rip-balancer.sock', stand.socket).split(' '),
    )
    await using drained = new Program(...drain!)
    await until('it is drained', () => stand.program.err.includes('backend b1 was drained'))
    expect(await stand.many(3)).toEqual(['b2', 'b2', 'b2'])
    gate.resolve()
    expect((await Promise.all(both)).toSorted()).toEqual(['b1', 'b2'])
    expect(await drained.exit()).toBe(0)
    await using undrained = new Program(...undrain!)
    expect(await undrained.exit()).toBe(0)
    expect(times(await stand.many(4), 'b1')).toBe(2)
  })

  test('5. a changed file takes effect without losing a request, an invalid one changes nothing', async () => {
    await using stand = new Stand(5)
    await stand.url()
    let isOver = false
    const answers: string[] = []
    const load = (async () => {
      while (!isOver) answers.push(await stand.who())
    })()
    for (const [change, said] of [
      [(text: string) => text.replace(stand.b1.address, stand.b2.address), 'configuration reloaded'],
      [() => '{ "listen": }', 'kept the running configuration'],
    ] as const) {
      stand.write(change)
      stand.program.child.kill('SIGHUP')
      await until(said, () => stand.program.err.includes(said))
    }
    const before = answers.length
    await until('more answers', () => answers.length > before + 3)
    isOver = true
    await load
    expect(answers.at(-1)).toBe('b2')
    expect(answers.filter((answer) => answer !== 'b1' && answer !== 'b2')).toEqual([])
  })

  test('6. a larger machine gets three of four requests', async () => {
    await using stand = new Stand(6)
    expect(times(await stand.many(40), 'b1')).toBe(30)
  })

  test('7. TLS ends at the balancer, and the backend is told', async () => {
    await using stand = new Stand(7)
    expect(await stand.url()).toStartWith('https://')
    expect(await (await stand.get()).text()).toBe('b1 https 127.0.0.1')
  })

  test('8. the PROXY header names the client', async () => {
    await using stand = new Stand(8)
    const { port } = new URL(await stand.url())
    const socket = net.connect(Number(port), '127.0.0.1')
    let answer = ''
    socket.on('data', (bytes) => (answer += bytes.toString()))
    socket.write('PROXY TCP4 192.0.2.7 127.0.0.1 5555 80\r\nGET / HTTP/1.1\r\nHost: shop\r\n\r\n')
    await until('the backend hears of it', () => answer.includes('192.0.2.7'))
    expect(answer).toEndWith('b1 http 192.0.2.7')
    socket.destroy()
  })

  test('9. requests beyond a limit are refused, and the log names the limit', async () => {
    await using stand = new Stand(9)
    const body = Buffer.alloc(2 ** 20 + 1)
    const answer = await fetch(await stand.url(), { method: 'POST', body })
    expect(answer.status).toBe(413)
    await until('it is told', () => stand.program.err.includes("the balancer's limits.body is 1 MiB"))
    const { port } = new URL(await stand.url())
    const sockets = Array.from({ length: 110 }, () => net.connect(Number(port), '127.0.0.1'))
    for (const socket of sockets) socket.on('error', () => {}).on('data', () => {})
    await until('it is told', () => stand.program.err.includes('limits.connectionsPerAddress is 100'))
    for (const socket of sockets) socket.destroy()
  })

  test('10. metrics have an address of their own', async () => {
    await using stand = new Stand(10)
    await stand.who()
    await until('it says where', () => stand.program.out.includes('\nmetrics '))
    const url = /\nmetrics (\S+)\n/.exec(stand.program.out)![1]!
    expect(await (await fetch(url)).text()).toContain('rip_requests_total{status="2xx"} 1\n')
  })

  test('there are ten tasks, and each has a configuration of ours', () => {
    expect(tasks.map(({ name }) => name.split('.')[0])).toEqual(
      Array.from({ length: 10 }, (_, at) => String(at + 1)),
    )
    for (const { name, blocks } of tasks) expect([name, blocks.has('jsonc')]).toEqual([name, true])
  })
})
