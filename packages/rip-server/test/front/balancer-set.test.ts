import { describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Balancer, createBalancer } from '@rip/balancer'
import { AdminClient } from '@rip/balancer/supervisor'
import type { JoinNotice } from '@rip/manager'
import { BalancerSet } from '../../src/front/balancer-set.ts'

/** Number of status requests to a balancer while it joins. */
const JOINING_ASKS = 1

class Folder implements Disposable {
  readonly path: string = mkdtempSync(join(tmpdir(), 'rip-'));
  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true })
  }
}

interface Started extends AsyncDisposable {
  readonly balancer: Balancer
  readonly socket: string
  /** Ids of the backends that serve, with their concurrency. */
  routes(): Readonly<Record<string, number>>
}

/** Their sockets have no listeners, which does not matter here. */
function backendsOf(balancer: Balancer): readonly { id: string; maxInFlight: number; serves: boolean }[] {
  return balancer
    .status()
    .pools.flatMap(({ generation, backends }) =>
      backends
        .filter(({ state }) => state !== 'leaving')
        .map(({ id, maxInFlight, generation: own }) => ({ id, maxInFlight, serves: own === generation })),
    )
}

async function startBalancer(folder: Folder, name: string): Promise<Started> {
  const socket = join(folder.path, `${name}.sock`)
  const balancer = createBalancer({ listen: '127.0.0.1:0', admin: `unix:${socket}`, waitForBackends: true })
  await balancer.start()
  return {
    balancer,
    socket,
    routes: () =>
      Object.fromEntries(
        backendsOf(balancer)
          .filter(({ serves }) => serves)
          .map(({ id, maxInFlight }) => [id, maxInFlight]),
      ),
    [Symbol.asyncDispose]: () => balancer.close(),
  }
}

interface Joined {
  readonly notices: AsyncIterator<JoinNotice>
  leave(): void
}

async function joining(set: BalancerSet, { socket }: Pick<Started, 'socket'>): Promise<Joined> {
  const end = new AbortController()
  const notices = (await set.join({ pid: process.pid, socket }, end.signal))[Symbol.asyncIterator]()
  expect(await notices.next()).toMatchObject({ value: { type: 'joined' } })
  return { notices, leave: () => end.abort() }
}

function newSet(own: readonly AdminClient[] = []): { readonly set: BalancerSet; readonly told: string[] } {
  const told: string[] = []
  const tell = (message: string): void => void told.push(message)
  return { set: new BalancerSet({ own, note: tell, warn: tell }), told }
}

const worker = (folder: Folder, id: string, maxInFlight = 100) => ({
  id,
  socket: join(folder.path, `${id}.sock`),
  maxInFlight,
})

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await Bun.sleep(5)
}

interface StandingStill extends AsyncDisposable {
  readonly socket: string
  requests: number
  /** Number of requests for counts. */
  readonly asked: number
  /** From now on it accepts questions and answers none, as a process that was stopped with SIGSTOP. */
  stand(): void
  goOn(): void
}

/** A balancer's admin socket with counts that the test sets. */
function standingStill(socket: string, generation: string): StandingStill {
  let moving = Promise.withResolvers<void>()
  moving.resolve()
  const counts = { requests: 0, asked: 0 }
  const group = () => ({
    history: 0,
    requests: counts.requests,
    failed: 0,
    requestsBefore: 0,
    failedBefore: 0,
    refusedBefore: 0,
  })
  const server = Bun.serve({
    unix: socket,
    async fetch({ url }) {
      const asks = /status|compare/.test(url)
      if (asks) counts.asked += 1
      await moving.promise
      if (url.endsWith('/compare')) return Response.json({ kinds: [group()], clients: [] })
      const generations = [{ generation, requests: counts.requests, errors: 0 }]
      return Response.json({ generations, pools: [] })
    },
  })
  return {
    socket,
    get requests() {
      return counts.requests
    },
    set requests(requests) {
      counts.requests = requests
    },
    get asked() {
      return counts.asked - JOINING_ASKS
    },
    stand: () => void (moving = Promise.withResolvers()),
    goOn: () => moving.resolve(),
    async [Symbol.asyncDispose]() {
      moving.resolve()
      await server.stop(true)
    },
  }
}

describe('a balancer that joins', () => {
  test('gets the orders the others had, and all later ones', async () => {
    using folder = new Folder()
    await using balancer = await startBalancer(folder, 'a')
    const { set } = newSet()
    await set.prepare('g1', [worker(folder, 'w1')])
    await set.cut('g1')
    await joining(set, balancer)
    expect(balancer.routes()).toEqual({ w1: 100 })
    await set.prepare('g2', [worker(folder, 'w2')])
    await set.cut('g2')
    expect(balancer.routes()).toEqual({ w2: 100 })
    expect(await set.drain('g1', { signal: AbortSignal.timeout(5_000) })).toEqual({ abandoned: 0 })
  })

  test('shares the limits with the others for as long as it stays', async () => {
    using folder = new Folder()
    await using one = await startBalancer(folder, 'a')
    await using other = await startBalancer(folder, 'b')
    const { set } = newSet([new AdminClient({ socket: one.socket })])
    await set.prepare('g1', [worker(folder, 'w1', 100), worker(folder, 'w2', 1)])
    await set.cut('g1')
    const joined = await joining(set, other)
    expect([one.routes(), other.routes()]).toEqual([
      { w1: 50, w2: 1 },
      { w1: 50, w2: 1 },
    ])
    joined.leave()
    await until(() => one.routes()['w1'] === 100)
  })

  test('forgets the generations of another manager', async () => {
    using folder = new Folder()
    await using balancer = await startBalancer(folder, 'a')
    const before = newSet()
    await before.set.prepare('old', [worker(folder, 'w1')])
    await before.set.cut('old')
    await before.set.prepare('standby', [worker(folder, 'w2')])
    await joining(before.set, balancer)
    const { set } = newSet()
    await set.prepare('new', [worker(folder, 'w3')])
    await set.cut('new')
    await joining(set, balancer)
    expect(backendsOf(balancer.balancer).map(({ id }) => id)).toEqual(['w3'])
  })

  test('and dies acknowledges nothing, and no order waits for it', async () => {
    using folder = new Folder()
    const balancer = await startBalancer(folder, 'a')
    const { set, told } = newSet()
    const joined = await joining(set, balancer)
    await balancer.balancer.close()
    joined.leave()
    await set.prepare('g1', [worker(folder, 'w1')])
    await set.cut('g1')
    expect(await set.read('g1')).toEqual({ requests: 0, errors: 0 })
    expect(told.at(-1)).toBe(`balancer process ${process.pid} has left`)
  })

  test('and stops answering is left out, with a warning', async () => {
    using folder = new Folder()
    const balancer = await startBalancer(folder, 'a')
    const { set } = newSet()
    const { notices } = await joining(set, balancer)
    await balancer.balancer.close()
    const failure = await set.prepare('g1', [worker(folder, 'w1')]).catch((error: Error) => error.message)
    expect(failure).toContain(`balancer process ${process.pid} does not follow`)
    expect(await notices.next()).toMatchObject({ done: true })
    await set.prepare('g1', [worker(folder, 'w1')])
  })

  test('and stands still is not waited for: its last counts stand in until it answers again', async () => {
    using folder = new Folder()
    await using still = standingStill(join(folder.path, 'a.sock'), 'g1')
    await using other = standingStill(join(folder.path, 'b.sock'), 'g1')
    const { set } = newSet()
    await joining(set, still)
    await joining(set, other)
    still.requests = 3
    other.requests = 4
    expect(await set.read('g1')).toEqual({ requests: 7, errors: 0 })
    expect((await set.compare('g0', 500)).kinds.map(({ requests }) => requests)).toEqual([3, 4])
    still.stand()
    still.requests = 30
    other.requests = 40
    const beganMs = performance.now()
    expect(await set.read('g1')).toEqual({ requests: 43, errors: 0 })
    expect((await set.compare('g0', 500)).kinds.map(({ requests }) => requests)).toEqual([3, 40])
    for (let look = 0; look < 5; look += 1) await set.read('g1')
    // Seven reads, none of which waits long for it.
    expect(performance.now() - beganMs).toBeLessThan(2_000)
    expect(still.asked).toBe(4)
    still.goOn()
    await until(async () => (await set.read('g1')).requests === 70)
  })

  test('is told when the manager leaves, and the manager waits for it; no other balancer may join then', async () => {
    using folder = new Folder()
    await using balancer = await startBalancer(folder, 'a')
    const { set } = newSet()
    const joined = await joining(set, balancer)
    let hasLeft = false
    const left = set.leave().then(() => (hasLeft = true))
    expect(await joined.notices.next()).toMatchObject({ value: { type: 'leaving' } })
    expect(hasLeft).toBe(false)
    joined.leave()
    await left
    const signal = new AbortController().signal
    const refusal = await set
      .join({ pid: process.pid, socket: balancer.socket }, signal)
      .catch((error: Error) => error.message)
    expect(refusal).toContain('the manager is stopping')
  })
})
