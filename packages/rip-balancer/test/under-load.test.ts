import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import { closeSync } from 'node:fs'
import net from 'node:net'
import { until } from '@rip/testing'
import { AdminClient, balance, type Balancer } from '../src/index.ts'
import { duplicateDescriptor } from '../src/listener/duplicate-descriptor.ts'
import { PROGRAM } from './cli/program.ts'
import { TempFolder, TestBackend } from './servers.ts'
import { Http2Worker } from './upstream/http2-worker.ts'

// Programs take long to start on a busy machine.
setDefaultTimeout(20_000)

/** Clients that send one request after the other until stopped, half of them with a body. */
class Load {
  readonly failures: string[] = []
  answers = 0
  private stopped = false
  private readonly clients: Promise<unknown>

  constructor(url: string, clients = 8) {
    this.clients = Promise.all(Array.from({ length: clients }, (_, n) => this.client(url, n)))
  }

  /** Resolves when that many more requests have been answered. */
  async answersMore(count: number): Promise<void> {
    const goal = this.answers + count
    await until(`${count} more answers`, () => this.answers + this.failures.length >= goal)
  }

  async stop(): Promise<void> {
    this.stopped = true
    await this.clients
  }

  private async client(url: string, n: number): Promise<void> {
    while (!this.stopped) await this.ask(url, n % 2 === 0 ? {} : { method: 'POST', body: 'x'.repeat(1_000) })
  }

  private async ask(url: string, init: RequestInit): Promise<void> {
    try {
      const response = await fetch(url, init)
      const text = await response.text()
      if (response.status === 200 && text === (init.body ?? 'none')) this.answers++
      else this.failures.push(`${response.status} ${text.slice(0, 40)}`)
    } catch (error) {
      this.failures.push(String(error))
    }
  }
}

const echo = async (request: Request): Promise<Response> => {
  await Bun.sleep(Math.random() * 3)
  return new Response((await request.text()) || 'none')
}

class Site implements AsyncDisposable {
  readonly folder: TempFolder
  readonly admin: AdminClient
  readonly lb: Balancer

  private constructor(lb: Balancer, folder: TempFolder, socket: string) {
    this.lb = lb
    this.folder = folder
    this.admin = new AdminClient({ socket })
  }

  static async open(): Promise<Site> {
    const folder = new TempFolder()
    const socket = folder.file('admin.sock')
    const lb = await balance({ listen: '127.0.0.1:0', admin: `unix:${socket}`, waitForBackends: true })
    return new Site(lb, folder, socket)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.lb.close()
    this.folder[Symbol.dispose]()
  }
}

/** A listening socket to be inherited; this process does not accept from it. */
async function listening(): Promise<{ fd: number; port: number }> {
  const server = net.createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  // The handle is not typed; its descriptor is what a parent process passes on.
  const fd = duplicateDescriptor((server as unknown as { _handle: { fd: number } })._handle.fd)!
  const { port } = server.address() as net.AddressInfo
  server.close()
  return { fd, port }
}

test('requests that find only dead backends wait for their replacements', async () => {
  await using site = await Site.open()
  const dead = ['a', 'b', 'c'].map((id) => ({ id, address: `unix:${site.folder.file(`${id}.sock`)}` }))
  await site.admin.prepare('g', dead)
  await site.admin.cut('g')
  const answers = Array.from({ length: 30 }, (_, n) =>
    fetch(site.lb.url, n % 2 === 0 ? {} : { method: 'POST', body: 'x'.repeat(20_000) }),
  )
  await until('all of them wait', () => site.lb.status().pools[0]!.queued === answers.length)
  await using fresh = new TestBackend(site.folder.file('d.sock'), echo)
  await site.admin.prepare('g', [{ id: 'd', address: fresh.address }])
  expect((await Promise.all(answers)).map(({ status }) => status)).toEqual(answers.map(() => 200))
})

describe('under load, no request is lost', () => {
  test('when generations replace each other and the old backends stop', async () => {
    await using site = await Site.open()
    const load = new Load(site.lb.url)
    let old: TestBackend[] = []
    for (let generation = 1; generation <= 12; generation++) {
      const ids = [0, 1].map((n) => `w${n}.${generation}`)
      const fresh = ids.map((id) => new TestBackend(site.folder.file(`${id}.sock`), echo))
      await site.admin.prepare(
        `g${generation}`,
        fresh.map(({ address }, n) => ({ id: ids[n]!, address, maxInFlight: 2 })),
      )
      await site.admin.cut(`g${generation}`)
      if (generation > 1) expect((await site.admin.drain(`g${generation - 1}`, 5_000)).abandoned).toBe(0)
      await Promise.all(old.map((backend) => backend[Symbol.asyncDispose]()))
      old = fresh
      await load.answersMore(20)
    }
    await load.stop()
    expect(load.failures).toEqual([])
    expect(site.lb.pool.status()).toMatchObject({ inFlight: 0, queued: 0 })
    expect(site.lb.pool.status().backends).toHaveLength(2)
    await Promise.all(old.map((backend) => backend[Symbol.asyncDispose]()))
  })

  test('when they are few and many by turns, so that workers are spoken to in either protocol, while generations replace each other', async () => {
    await using site = await Site.open()
    const few = new Load(site.lb.url, 6)
    const { pool } = site.lb
    const inLanes = (): number => pool.status().laneStreams
    let peak: Load | undefined
    let old: Http2Worker[] = []
    const failures: string[] = []
    const replace = async (generation: number): Promise<void> => {
      const fresh = [0, 1].map((n) => new Http2Worker(site.folder, `w${n}.${generation}`, echo))
      await site.admin.prepare(
        `g${generation}`,
        fresh.map(({ socket }, n) => ({
          id: `w${n}.${generation}`,
          address: `unix:${socket}`,
          maxInFlight: 100,
          http2: true,
        })),
      )
      await site.admin.cut(`g${generation}`)
      if (generation > 1) expect((await site.admin.drain(`g${generation - 1}`, 5_000)).abandoned).toBe(0)
      await Promise.all(old.map((worker) => worker[Symbol.asyncDispose]()))
      old = fresh
    }
    const rise = async (): Promise<void> => {
      peak = new Load(site.lb.url, 60)
      await until('HTTP/2 is spoken', () => inLanes() > 0)
    }
    const fall = async (): Promise<void> => {
      await peak!.stop()
      failures.push(...peak!.failures)
    }
    for (let generation = 1; generation <= 8; generation += 2) {
      await replace(generation)
      await rise()
      await replace(generation + 1)
      await peak!.answersMore(100)
      await fall()
      await few.answersMore(20)
    }
    // Within one generation, too.
    await rise()
    await fall()
    await until('HTTP/1.1 is spoken again', () => inLanes() === 0 && pool.inFlight > 1)
    await rise()
    await fall()
    await few.stop()
    expect([...failures, ...few.failures]).toEqual([])
    expect(pool.status()).toMatchObject({ inFlight: 0, queued: 0, laneStreams: 0 })
    await Promise.all(old.map((worker) => worker[Symbol.asyncDispose]()))
  })

  test('when members of the serving generation leave and join one by one', async () => {
    await using site = await Site.open()
    const load = new Load(site.lb.url)
    const backends = new Map<string, TestBackend>()
    const declare = (): Promise<void> =>
      site.admin.prepare(
        'g1',
        [...backends].map(([id, { address }]) => ({ id, address, maxInFlight: 2 })),
      )
    const join = (id: string): void =>
      void backends.set(id, new TestBackend(site.folder.file(`${id}.sock`), echo))
    join('w0.0')
    join('w1.0')
    await declare()
    await site.admin.cut('g1')
    for (let round = 1; round <= 12; round++) {
      const [id] = [...backends.keys()]
      const leaving = backends.get(id!)!
      join(`w.${round}`)
      backends.delete(id!)
      await declare()
      const idle = (): boolean => !site.lb.pool.status().backends.some((each) => each.id === id)
      await until('its requests have ended', idle)
      await leaving[Symbol.asyncDispose]()
      await load.answersMore(20)
    }
    await load.stop()
    expect(load.failures).toEqual([])
    await Promise.all([...backends.values()].map((backend) => backend[Symbol.asyncDispose]()))
  })

  test.skipIf(process.platform !== 'linux')(
    'when the program itself is replaced on an inherited socket',
    async () => {
      using folder = new TempFolder()
      await using backend = new TestBackend(folder.file('b.sock'), echo)
      const { fd, port } = await listening()
      const start = async (): Promise<Bun.Subprocess> => {
        const argv = [process.execPath, PROGRAM, '--listen', 'fd:3', '--to', backend.address]
        const program = Bun.spawn(argv, { stdio: ['ignore', 'pipe', 'inherit', fd] })
        await program.stdout.getReader().read()
        return program
      }
      let serving = await start()
      const load = new Load(`http://127.0.0.1:${port}`)
      const codes: number[] = []
      for (let turn = 0; turn < 8; turn++) {
        await load.answersMore(50)
        const before = serving
        serving = await start()
        before.kill('SIGTERM')
        codes.push(await before.exited)
      }
      await load.answersMore(50)
      await load.stop()
      serving.kill('SIGTERM')
      codes.push(await serving.exited)
      closeSync(fd)
      expect(codes).toEqual(Array(9).fill(0))
      expect(load.failures).toEqual([])
    },
  )

  test('except those that a killed backend was executing', async () => {
    await using site = await Site.open()
    const socket = site.folder.file('victim.sock')
    const serve = `Bun.serve({ unix: ${JSON.stringify(socket)}, fetch: async (r) => { await Bun.sleep(Math.random() * 3); return new Response((await r.text()) || 'none') } }); console.log('up')`
    const victim = Bun.spawn(['bun', '-e', serve], { stdout: 'pipe' })
    await victim.stdout.getReader().read()
    await using other = new TestBackend(site.folder.file('other.sock'), echo)
    await site.admin.prepare('g1', [
      { id: 'victim', address: `unix:${socket}`, maxInFlight: 3 },
      { id: 'other', address: other.address, maxInFlight: 10 },
    ])
    await site.admin.cut('g1')
    const load = new Load(site.lb.url)
    await load.answersMore(100)
    const victimInFlight = (): number => site.lb.pool.backends.find(({ id }) => id === 'victim')!.inFlight
    await until('it is busy', () => victimInFlight() > 0)
    victim.kill('SIGKILL')
    await victim.exited
    await load.answersMore(200)
    await load.stop()
    expect(load.failures.length).toBeLessThanOrEqual(3)
    expect(load.failures.filter((failure) => !failure.startsWith('502'))).toEqual([])
    expect(site.lb.pool.inFlight).toBe(0)
  })
})
