import { afterEach, describe, expect, test } from 'bun:test'
import { existsSync, rmSync, statSync } from 'node:fs'
import { failureOf, until } from '@rip/testing'
import { ControlClient } from '../../src/control/control-client.ts'
import { type ControlServerOptions, openControlServer } from '../../src/control/control-server.ts'
import { EventHistory } from '../../src/control/event-history.ts'
import { ManagerError } from '../../src/contract/errors.ts'
import { EventLog } from '../../src/manager/event-log.ts'
import type { Finding, Manager, ReloadResult } from '../../src/contract/manager-api.ts'
import { type ManagerStatus, type ManagerHealth, STATUS_VERSION } from '../../src/contract/status.ts'
import { temporaryFolder } from '../real.ts'

const admitted: ReloadResult = { ok: true, generation: 'g2', previous: 'g1', tookMs: 12, unchanged: false }
const refused: ReloadResult = {
  ok: false,
  refusal: { code: 'build-failed', generation: 'g3', message: 'it does not compile', atMs: 1 },
}

/** A manager that records the calls it gets. */
class ToldManager implements Manager {
  readonly told: unknown[] = []
  readonly log = new EventLog(() => 1)
  answer: () => Promise<ReloadResult> = async () => admitted
  held = false
  health: ManagerHealth = 'ok'
  wantedWorkers = 2

  get status(): ManagerStatus {
    return {
      version: STATUS_VERSION,
      name: 'shop',
      pid: 1,
      root: '/srv/shop',
      health: this.health,
      generation: 'g1',
      previousGeneration: null,
      wantedWorkers: this.wantedWorkers,
      readyWorkers: 2,
      watching: false,
      held: this.held,
      reloads: { admitted: 1, refused: 0 },
      restarts: 0,
      crashes: null,
      healthReasons: [],
      lastRefusal: null,
      disk: null,
      condemned: null,
      workers: [],
      background: [],
      startedAtMs: 1,
    }
  }
  async start(): Promise<void> {}
  warn(): void {}
  tellFailing(): void {}
  tellCertificate(): void {}
  async inspect(pid: number, look: object): Promise<Finding> {
    this.told.push(['inspect', pid, look])
    return { bytes: 3, parts: this.found() }
  }
  async *found(): AsyncGenerator<Uint8Array> {
    yield Uint8Array.of(1, 2)
    yield Uint8Array.of(3)
  }
  reload(options?: object): Promise<ReloadResult> {
    this.told.push(['reload', options])
    return this.answer()
  }
  restart(options?: object): Promise<ReloadResult> {
    this.told.push(['restart', options])
    return this.answer()
  }
  rollback(options?: object): Promise<ReloadResult> {
    this.told.push(['rollback', options])
    return this.answer()
  }
  configure(): void {}
  tellConfiguration(): void {}
  async scale(workers: number): Promise<void> {
    if (workers < 1)
      throw new ManagerError('OPTION_INVALID', { option: 'workers', value: workers, expected: 'at least 1' })
    this.wantedWorkers = workers
  }
  hold(): void {
    this.held = true
  }
  activate(): void {}

  resume(): void {
    this.held = false
  }
  on: Manager['on'] = (type, listener) => this.log.on(type, listener)
  events: Manager['events'] = (options) => this.log.read(options?.signal)
  async close(options?: object): Promise<{ abandoned: number }> {
    this.told.push(['close', options])
    this.log.close()
    return { abandoned: 3 }
  }
  async [Symbol.asyncDispose](): Promise<void> {}
}

const cleanups: (() => Promise<void>)[] = []

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup()
})

async function setup(options: Partial<ControlServerOptions> = {}) {
  const folder = await temporaryFolder()
  cleanups.push(async () => folder[Symbol.asyncDispose]())
  const manager = new ToldManager()
  const path = folder.at('control.sock')
  const server = await openControlServer({ path, manager, ...options })
  cleanups.push(() => server.close())
  const request = (target: string, init: RequestInit = {}): Promise<Response> =>
    fetch(`http://localhost${target}`, { ...init, unix: path } as BunFetchRequestInit)
  return { manager, path, server, request, client: new ControlClient(path) }
}

async function collect<T>(items: AsyncIterable<T>): Promise<readonly T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}

describe('commands', () => {
  test('status is the status of the manager', async () => {
    const { client, manager } = await setup()
    expect(await client.status()).toEqual(manager.status)
  })

  test.each([
    ['ok', 200],
    ['degraded', 200],
    ['held', 200],
    ['starting', 503],
    ['stopping', 503],
    ['stopped', 503],
  ] as const)('with the health %p GET /ready is answered with %p', async (health, status) => {
    const { manager, request } = await setup()
    manager.health = health
    const answer = await request('/ready')
    expect(answer.status).toBe(status)
    expect(await answer.json()).toEqual({ ready: status === 200, health })
  })

  test('requests are what the balancers know of them, and nothing where there is none', async () => {
    const none = { underWay: [], underWayCount: 0, routes: [], failures: [] }
    const { client } = await setup()
    expect(await client.requests()).toEqual(none)
    const { client: other } = await setup({ requests: async () => ({ ...none, underWayCount: 3 }) })
    expect((await other.requests()).underWayCount).toBe(3)
  })

  test('a process is looked at, and what it found is handed on as a whole or not at all', async () => {
    const { client, manager, request } = await setup()
    const { bytes, parts } = await client.inspect(7, { kind: 'cpu', forMs: 100 })
    expect(bytes).toBe(3)
    expect(Buffer.concat(await collect(parts))).toEqual(Buffer.of(1, 2, 3))
    expect(manager.told).toEqual([['inspect', 7, { kind: 'cpu', forMs: 100 }]])
    manager.found = async function* () {
      yield Uint8Array.of(1)
    }
    const { parts: broken } = await client.inspect(7, { kind: 'heap' })
    expect(await failureOf(collect(broken))).toMatchObject({ code: 'NOT_INSPECTED' })
    const refusedLook = await request('/inspect', { method: 'POST', body: '{"pid":7,"kind":"env"}' })
    expect(refusedLook.status).toBe(400)
    expect(await refusedLook.text()).toContain('must be one of memory, cpu, heap')
  })

  test.each(['reload', 'restart', 'rollback'] as const)(
    '%s passes the reason on and answers the result',
    async (verb) => {
      const { client, manager } = await setup()
      expect(await client[verb]({ reason: 'deploy 42' })).toEqual(admitted)
      expect(await client[verb]()).toEqual(admitted)
      expect(manager.told).toEqual([
        [verb, { reason: 'deploy 42' }],
        [verb, {}],
      ])
    },
  )

  test('a refused candidate is an answer, with status 409 for those without a client', async () => {
    const { client, manager, request } = await setup()
    manager.answer = async () => refused
    expect(await client.reload()).toEqual(refused)
    expect((await request('/reload', { method: 'POST' })).status).toBe(409)
  })

  test('hold, release and scale', async () => {
    const { client, manager } = await setup()
    await client.hold()
    expect(manager.held).toBe(true)
    await client.resume()
    expect(manager.held).toBe(false)
    await client.scale(5)
    expect(manager.wantedWorkers).toBe(5)
  })

  test('a refusal of the manager is answered with its message', async () => {
    const { client } = await setup()
    expect(await failureOf(client.scale(0))).toMatchObject({
      code: 'CONTROL_REFUSED',
      message: expect.stringMatching(/^workers must be at least 1, but is 0/),
      detail: { status: 422, reason: 'OPTION_INVALID' },
    })
  })

  test('stop answers the report before the socket goes', async () => {
    const { client, manager, server, path } = await setup()
    const stopping = client.stop({ now: true })
    await until('the manager to be closed', () => manager.told.length === 1)
    expect(manager.told).toEqual([['close', { now: true }]])
    await server.close()
    expect(await stopping).toEqual({ abandoned: 3 })
    expect(existsSync(path)).toBe(false)
  })

  test('stop may be more than the manager', async () => {
    const stops: unknown[] = []
    const { request, manager } = await setup({
      stop: async (options) => (stops.push(options), { abandoned: 0 }),
    })
    expect(await (await request('/stop', { method: 'POST' })).json()).toEqual({ abandoned: 0 })
    expect([stops, manager.told]).toEqual([[{ now: false }], []])
  })

  test('a caller that stops waiting does not stop the command', async () => {
    const { client, manager } = await setup()
    const reload = Promise.withResolvers<ReloadResult>()
    let finished = false
    manager.answer = () => reload.promise.then((result) => ((finished = true), result))
    const abort = new AbortController()
    const waiting = failureOf(client.reload({ signal: abort.signal }))
    await until('the command to arrive', () => manager.told.length === 1)
    abort.abort()
    expect(await waiting).toMatchObject({ name: 'AbortError' })
    reload.resolve(admitted)
    await until('the command to finish', () => finished)
    expect((await client.status()).name).toBe('shop')
  })

  test("a command may take longer than the idle timeout of Bun's server", async () => {
    const { client, manager } = await setup()
    manager.answer = async () => {
      await Bun.sleep(13_000)
      return admitted
    }
    expect(await client.reload()).toEqual(admitted)
  }, 20_000)
})

describe('events', () => {
  test('arrive as they happen, from now on', async () => {
    const { client, manager, request } = await setup()
    manager.log.emit({ type: 'held' })
    await until(
      'the event to be kept',
      async () => (await collect(client.events({ since: 0, follow: false }))).length,
    )
    const { body } = await request('/events')
    manager.log.emit({ type: 'scaled', workers: 3 })
    manager.log.close()
    const text = await new Response(body).text()
    expect(text.trim()).toBe('{"seq":2,"atMs":1,"type":"scaled","workers":3}')
  })

  test('are kept for later readers, the latest thousand', async () => {
    const { client, manager } = await setup()
    for (let workers = 1; workers <= 1_020; workers += 1) {
      manager.log.emit({ type: 'scaled', workers })
      if (workers % 100 === 0) await Bun.sleep(0)
    }
    await until(
      'the last event to be kept',
      async () => (await collect(client.events({ since: 1_019, follow: false }))).length,
    )
    const all = await collect(client.events({ since: 0, follow: false }))
    expect(all.map((event) => event.seq)).toEqual(Array.from({ length: 1_000 }, (_, index) => index + 21))
    const last = await collect(client.events({ since: 1_018, follow: false }))
    expect(last.map((event) => event.seq)).toEqual([1_019, 1_020])
  })

  test('that a slow reader misses are counted', async () => {
    const manager = new ToldManager()
    await using history = new EventHistory(manager)
    const reader = history.read(0, { follow: true, signal: new AbortController().signal })
    manager.log.emit({ type: 'held' })
    expect((await reader.next()).value).toMatchObject({ seq: 1 })
    for (let workers = 1; workers <= 1_020; workers += 1) {
      manager.log.emit({ type: 'scaled', workers })
      if (workers % 100 === 0) await Bun.sleep(0)
    }
    await until('the last event to be kept', () => history.latest === 1_021)
    expect((await reader.next()).value).toMatchObject({
      seq: 21,
      message: '20 events were dropped: this reader is too slow',
    })
    expect((await reader.next()).value).toMatchObject({ seq: 22 })
    await reader.return(undefined)
  })

  test('end when the signal aborts, and when the manager stops', async () => {
    const { client, manager } = await setup()
    const abort = new AbortController()
    const aborted = collect(client.events({ since: 0, signal: abort.signal }))
    const stopped = collect(client.events({ since: 0 }))
    abort.abort()
    expect(await aborted).toEqual([])
    manager.log.emit({ type: 'stopping' })
    manager.log.close()
    expect((await stopped).map((event) => event.type)).toEqual(['stopping'])
  })

  test('a reader that stays does not delay the closing', async () => {
    const { server, request } = await setup()
    const readers = await Promise.all(Array.from({ length: 20 }, () => request('/events')))
    await readers[0]?.body?.cancel()
    const startedMs = performance.now()
    await server.close()
    expect(performance.now() - startedMs).toBeLessThan(900)
  })
})

describe('bad requests', () => {
  test.each<[string, RequestInit, number, string]>([
    ['/nothing', {}, 404, 'there is no /nothing; there is /status'],
    ['/constructor', {}, 404, 'there is no /constructor'],
    ['/status', { method: 'POST' }, 405, '/status understands GET, not POST'],
    ['/reload', {}, 405, '/reload understands POST, not GET'],
    ['/reload', { method: 'POST', body: 'now!' }, 400, 'the body must be a JSON object'],
    ['/reload', { method: 'POST', body: '[1]' }, 400, 'the body must be a JSON object'],
    ['/reload', { method: 'POST', body: '{"resaon":"x"}' }, 400, 'unknown field "resaon"; known: reason'],
    ['/scale', { method: 'POST', body: '{"workers":"5"}' }, 400, '"workers" must be a number, but is "5"'],
    ['/scale', { method: 'POST' }, 400, '"workers" is missing'],
    ['/events?since=yesterday', {}, 400, '"since" must be the number of an event'],
  ])('%s %j is answered %d', async (target, init, status, message) => {
    const { request } = await setup()
    const response = await request(target, init)
    expect(response.status).toBe(status)
    const { error } = (await response.json()) as { error: { message: string } }
    expect(error.message).toContain(message)
    expect(response.headers.get('rip-control-version')).toBe('1')
  })
})

test('a socket that was removed is made again', async () => {
  const { path, client, server } = await setup()
  rmSync(path)
  await until('the socket', () => existsSync(path))
  expect((await client.status()).name).toBe('shop')
  await server.close()
  expect(existsSync(path)).toBe(false)
})

test('only the owner may use the socket', async () => {
  const { path } = await setup()
  expect(statSync(path).mode & 0o777).toBe(0o600)
})

test('a missing socket and a socket of another program give different errors', async () => {
  await using folder = await temporaryFolder()
  expect(await failureOf(new ControlClient(folder.at('none.sock')).status())).toMatchObject({
    code: 'NOT_RUNNING',
  })
  using foreign = Bun.serve({
    unix: folder.at('other.sock'),
    fetch: () => new Response('{}', { headers: { 'rip-control-version': '7' } }),
  })
  expect(foreign.port).toBeUndefined()
  expect(await failureOf(new ControlClient(folder.at('other.sock')).status())).toMatchObject({
    code: 'CONTROL_VERSION',
    detail: { theirs: 7, ours: 1 },
  })
})

test('closing twice is closing once', async () => {
  const { server, path } = await setup()
  const closing = server.close()
  expect(server.close()).toBe(closing)
  await closing
  expect(existsSync(path)).toBe(false)
})
