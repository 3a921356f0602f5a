import { describe, expect, test } from 'bun:test'
import type { Backend } from '../../src/upstream/backend.ts'
import { Pool } from '../../src/pool/pool.ts'
import type { PoolOptions } from '../../src/pool/pool-options.ts'
import type { Sighting } from '../../src/pool/reach.ts'
import { FakeClock, TestClaimant, member } from './fixtures.ts'

function poolOf(ids: readonly string[], options: Partial<PoolOptions> = {}, maxInFlight = 1) {
  const clock = new FakeClock()
  const retired: string[] = []
  const observer = {
    retired: (backend: Backend) => void retired.push(backend.id),
    ejected() {},
    readmitted() {},
    health() {},
    cut() {},
  }
  const pool = new Pool({ name: 'app', clock, observer, ...options })
  pool.prepare(
    undefined,
    ids.map((id) => member(id, { maxInFlight })),
  )
  return { pool, clock, retired }
}

function claimed(pool: Pool, key?: string): Backend {
  const backend = pool.claim(new TestClaimant(key))
  if (typeof backend === 'string') throw new Error(`no backend: ${backend}`)
  return backend
}

describe('a claim', () => {
  test('takes the backends in turn', () => {
    const { pool } = poolOf(['a', 'b', 'c'], {}, 10)
    expect(Array.from({ length: 6 }, () => claimed(pool).id).join('')).toBe('abcabc')
  })

  test('skips a backend that is full', () => {
    const { pool } = poolOf(['a', 'b'])
    const a = claimed(pool)
    claimed(pool)
    pool.release(a, 'ok')
    expect([claimed(pool).id, pool.claim(new TestClaimant())]).toEqual(['a', 'queued'])
  })

  test('knows whether another slot is free', () => {
    const { pool } = poolOf(['a', 'b'])
    const a = claimed(pool)
    expect(pool.hasOther(a)).toBe(true)
    const b = claimed(pool)
    expect(pool.hasOther(a)).toBe(false)
    pool.release(b, 'connect-failed')
    pool.putAside(b)
    expect(pool.hasOther(a)).toBe(false)
  })

  test('is refused without backends, unless the pool waits for them', () => {
    expect(new Pool({ name: 'app' }).claim(new TestClaimant())).toBe('no-backend')
    const waiting = new Pool({ name: 'app', waitForBackends: true })
    const claimant = new TestClaimant()
    expect(waiting.claim(claimant)).toBe('queued')
    waiting.prepare('g1', [member('a')])
    waiting.cut('g1')
    expect(claimant.told).toEqual([waiting.backends[0]!])
  })

  test('is refused when no backend will be declared any more', () => {
    const waiting = new Pool({ name: 'app', waitForBackends: true })
    const claimant = new TestClaimant()
    waiting.claim(claimant)
    waiting.stopWaiting()
    expect(claimant.told).toEqual(['no-backend'])
    expect(waiting.claim(new TestClaimant())).toBe('no-backend')
  })

  test('gets a dead backend rather than none when it will not be replaced', () => {
    const { pool } = poolOf(['a'], { waitForBackends: true }, 10)
    pool.release(claimed(pool), 'connect-failed')
    const claimant = new TestClaimant()
    expect(pool.claim(claimant)).toBe('queued')
    pool.stopWaiting()
    expect(claimant.told).toEqual([pool.backends[0]!])
  })

  test('waits when no backend accepts and they will be replaced', () => {
    const { pool } = poolOf(['a', 'b'], { waitForBackends: true }, 10)
    for (const backend of [claimed(pool), claimed(pool)]) pool.release(backend, 'connect-failed')
    const claimant = new TestClaimant()
    expect(pool.claim(claimant)).toBe('queued')
    pool.prepare(undefined, [member('c')])
    expect(claimant.told).toEqual([pool.backends[0]!])
  })

  test('of a retry goes to another backend while there is one', () => {
    const { pool } = poolOf(['a', 'b'], {}, 10)
    const [a, b] = [claimed(pool), claimed(pool)]
    for (let n = 0; n < 3; n++) expect(pool.claim(new TestClaimant(), [a])).toBe(b)
    const alone = poolOf(['a'], {}, 10).pool
    const only = claimed(alone)
    expect(alone.claim(new TestClaimant(), [only])).toBe(only)
  })
})

describe('the queue', () => {
  test('gives a freed slot to the request that has waited longest', () => {
    const { pool } = poolOf(['a'])
    const a = claimed(pool)
    const [first, second] = [new TestClaimant(), new TestClaimant()]
    pool.claim(first)
    pool.claim(second)
    pool.release(a, 'ok')
    expect([first.told, second.told]).toEqual([[a], []])
  })

  test('is bounded in length', () => {
    const { pool } = poolOf(['a'], { queueLength: 1 })
    claimed(pool)
    expect([pool.claim(new TestClaimant()), pool.claim(new TestClaimant())]).toEqual(['queued', 'queue-full'])
  })

  test('is bounded in time', () => {
    const { pool, clock } = poolOf(['a'], { queueTimeoutMs: 1_000 })
    claimed(pool)
    const [early, late] = [new TestClaimant(), new TestClaimant()]
    pool.claim(early)
    clock.advance(600)
    pool.claim(late)
    clock.advance(400)
    expect([early.told, late.told]).toEqual([['queue-timeout'], []])
    clock.advance(600)
    expect(late.told).toEqual(['queue-timeout'])
  })

  test('frees the place of a client that leaves', () => {
    const { pool } = poolOf(['a'], { queueLength: 1 })
    const a = claimed(pool)
    const [gone, next] = [new TestClaimant(), new TestClaimant()]
    pool.claim(gone)
    pool.withdraw(gone)
    expect(pool.claim(next)).toBe('queued')
    pool.release(a, 'ok')
    expect([gone.told, next.told]).toEqual([[], [a]])
  })

  test('refuses all requests when the pool closes', () => {
    const { pool } = poolOf(['a'])
    claimed(pool)
    const waiting = new TestClaimant()
    pool.claim(waiting)
    pool.close()
    expect([waiting.told, pool.claim(new TestClaimant())]).toEqual([['closing'], 'closing'])
  })
})

describe('generations', () => {
  test('switch all new requests in one step', () => {
    const { pool } = poolOf([])
    pool.prepare('g1', [member('a', { maxInFlight: 5 })])
    pool.cut('g1')
    pool.prepare('g2', [member('b', { maxInFlight: 5 })])
    expect(claimed(pool).id).toBe('a')
    pool.cut('g2')
    expect([claimed(pool).id, claimed(pool).id]).toEqual(['b', 'b'])
  })

  test('refuse a cut to an unprepared generation and a drain of the serving one', () => {
    const { pool } = poolOf([])
    expect(() => pool.cut('g1')).toThrow('prepare it before the cut')
    pool.prepare('g1', [member('a')])
    pool.cut('g1')
    expect(() => pool.drain('g1', new AbortController().signal)).toThrow('cut to another one')
  })

  test('share requests by lot while they are compared, and only those', () => {
    const tosses = [true, false, false, true]
    const { pool, clock } = poolOf([], { tossCoin: () => tosses.shift()! })
    pool.prepare('g1', [member('a', { maxInFlight: 9 })])
    pool.prepare('g2', [member('b', { maxInFlight: 9 })])
    pool.cut('g2')
    const drawn = (): unknown[] => {
      const claimant = new TestClaimant()
      return [(pool.claim(claimant) as Backend).id, claimant.lot]
    }
    expect(drawn()).toEqual(['b', 0])
    expect(pool.compare('g1', 1_000)).toBe(1)
    expect([drawn(), drawn(), drawn(), drawn()]).toEqual([
      ['b', 1],
      ['a', -1],
      ['a', -1],
      ['b', 1],
    ])
    clock.advance(1_001)
    expect(drawn()).toEqual(['b', 0])
    tosses.push(false, false)
    expect(pool.compare('g1', 1_000)).toBe(2)
    expect(pool.compare('g1', 1_000)).toBe(2)
    expect(drawn()).toEqual(['a', -2])
    pool.cut('g1')
    expect(drawn()).toEqual(['a', 0])
    expect(() => pool.compare('g1', 1_000)).toThrow('serving')
    expect(() => pool.compare('g9', 1_000)).toThrow('not prepared')
  })

  test('draw no lots for requests that only one of them could take', () => {
    const { pool } = poolOf([], { tossCoin: () => false })
    pool.prepare('g1', [member('a')])
    pool.prepare('g2', [member('b', { maxInFlight: 3 })])
    pool.cut('g2')
    pool.compare('g1', 1_000)
    const claimants = [1, 2, 3].map(() => new TestClaimant())
    expect(claimants.map((claimant) => (pool.claim(claimant) as Backend).id)).toEqual(['a', 'b', 'b'])
    expect(claimants.map(({ lot }) => lot)).toEqual([-1, 0, 0])
  })

  test('take a request that the other has no room for while they are compared', () => {
    const { pool } = poolOf([], { tossCoin: () => true })
    pool.prepare('g1', [member('a', { maxInFlight: 9 })])
    pool.prepare('g2', [member('b')])
    pool.cut('g2')
    pool.compare('g1', 1_000)
    const [drawn, other] = [new TestClaimant(), new TestClaimant()]
    const b = pool.claim(drawn) as Backend
    expect([b.id, drawn.lot]).toEqual(['b', 1])
    expect([(pool.claim(other) as Backend).id, other.lot]).toEqual(['a', 0])
    pool.prepare('g2', [])
    pool.release(b, 'reset')
    expect((pool.claim(drawn, [b]) as Backend).id).toBe('a')
    expect([drawn.lot, drawn.lotFailed]).toEqual([1, true])
  })

  test('draw no lots for tunnels, which would keep clients at code that may leave soon', () => {
    const { pool } = poolOf([], { tossCoin: () => false })
    pool.prepare('g1', [member('a')])
    pool.prepare('g2', [member('b')])
    pool.cut('g2')
    pool.compare('g1', 1_000)
    const tunnel = new TestClaimant(undefined, true)
    expect([(pool.claim(tunnel) as Backend).id, tunnel.lot]).toEqual(['b', 0])
  })

  test("take over a request that the other lost, which counts for the other's lot", async () => {
    const { pool } = poolOf([], { tossCoin: () => true })
    pool.prepare('g1', [member('a1', { maxInFlight: 9 }), member('a2', { maxInFlight: 9 })])
    pool.prepare('g2', [member('b1', { maxInFlight: 9 }), member('b2', { maxInFlight: 9 })])
    pool.cut('g2')
    pool.compare('g1', 1_000)
    const claimant = new TestClaimant()
    const first = pool.claim(claimant) as Backend
    const second = pool.claim(claimant, [first]) as Backend
    const third = pool.claim(claimant, [first, second]) as Backend
    expect([first, second, third].map(({ generation }) => generation)).toEqual(['g2', 'g1', 'g2'])
    expect(third).not.toBe(first)
    void pool.drain('g1', AbortSignal.abort())
    expect((pool.claim(claimant, [third]) as Backend).id).toBe(first.id)
    expect([claimant.lot, claimant.lotFailed]).toEqual([1, true])
  })

  test('take over requests that were lost before the comparison began', () => {
    const { pool } = poolOf([])
    pool.prepare('g1', [member('a')])
    pool.prepare('g2', [member('b1'), member('b2')])
    pool.cut('g2')
    const claimant = new TestClaimant()
    const lost = pool.claim(claimant) as Backend
    pool.compare('g1', 1_000)
    expect((pool.claim(claimant, [lost]) as Backend).id).toBe('a')
    expect([claimant.lot, claimant.lotFailed]).toEqual([0, false])
  })

  test('take requests that wait for the other as soon as they are compared', () => {
    const { pool } = poolOf([], { waitForBackends: true })
    pool.prepare('g1', [member('a')])
    pool.prepare('g2', [])
    pool.cut('g2')
    const waiting = new TestClaimant()
    expect(pool.claim(waiting)).toBe('queued')
    pool.compare('g1', 1_000)
    expect(waiting.told).toEqual([expect.objectContaining({ id: 'a' })])
    expect([waiting.lot, pool.queued]).toEqual([0, 0])
  })

  test('count as alternatives to each other while they are compared', () => {
    const { pool, clock } = poolOf([])
    pool.prepare('g1', [member('a')])
    pool.prepare('g2', [member('b')])
    pool.cut('g2')
    const [b] = pool.backends
    expect(pool.hasOther(b!)).toBe(false)
    pool.compare('g1', 1_000)
    expect(pool.hasOther(b!)).toBe(true)
    clock.advance(1_001)
    expect(pool.hasOther(b!)).toBe(false)
  })

  test('are drained when their last request ends', async () => {
    const { pool, retired } = poolOf([])
    pool.prepare('g1', [member('a')])
    pool.cut('g1')
    const a = claimed(pool)
    pool.prepare('g2', [member('b')])
    pool.cut('g2')
    const drained = pool.drain('g1', new AbortController().signal)
    expect(retired).toEqual([])
    pool.release(a, 'ok')
    expect(await drained).toEqual({ generation: 'g1', abandoned: 0, elapsedMs: 0 })
    expect(retired).toEqual(['a'])
  })

  test('report requests still running when a drain is given up', async () => {
    const { pool } = poolOf([])
    pool.prepare('g1', [member('a')])
    pool.cut('g1')
    claimed(pool)
    pool.prepare('g2', [member('b')])
    pool.cut('g2')
    expect(await pool.drain('g1', AbortSignal.abort())).toMatchObject({ abandoned: 1 })
  })

  test('keep members that are declared again, with their requests in flight', () => {
    const { pool, retired } = poolOf([])
    pool.prepare('g1', [member('a'), member('b')])
    pool.cut('g1')
    const a = claimed(pool)
    pool.prepare('g1', [member('a'), member('c')])
    expect(retired).toEqual(['b'])
    expect(pool.backends.map(({ id, inFlight }) => [id, inFlight])).toEqual([
      ['a', 1],
      ['c', 0],
    ])
    pool.release(a, 'ok')
  })

  test('serve waiting requests as soon as a member joins', () => {
    const { pool } = poolOf([])
    pool.prepare('g1', [member('a')])
    pool.cut('g1')
    claimed(pool)
    const waiting = new TestClaimant()
    pool.claim(waiting)
    pool.prepare('g1', [member('a'), member('b')])
    expect(waiting.told).toEqual([pool.backends[1]!])
  })
})

describe('a backend', () => {
  test('is not blamed for errors of the client or of this process', () => {
    const { pool } = poolOf(['a', 'b'], { ejection: { after: 1 } }, 10)
    for (let n = 0; n < 4; n++) pool.release(claimed(pool), n % 2 === 0 ? 'client-gone' : 'local-failure')
    expect(pool.status().ejections).toBe(0)
  })

  test('stays out while its health check fails, even when it is the last', () => {
    const { pool } = poolOf(['a'])
    const [only] = pool.backends
    pool.setHealth(only!, false)
    expect(pool.claim(new TestClaimant())).toBe('no-backend')
    pool.setHealth(only!, true)
    expect(pool.claim(new TestClaimant())).toBe(only!)
  })
})

describe('slow start', () => {
  const join = (pool: Pool, ...ids: string[]): void =>
    void pool.prepare(
      undefined,
      ids.map((id) => member(id, { maxInFlight: 10 })),
    )

  test('does not apply at the start of the balancer, nor to a generation where all are new', () => {
    const { pool } = poolOf(['a', 'b'], { slowStartMs: 1_000 }, 10)
    expect(pool.capacity).toBe(20)
    pool.prepare('g1', [member('c', { maxInFlight: 10 }), member('d', { maxInFlight: 10 })])
    pool.cut('g1')
    expect(pool.capacity).toBe(20)
    pool.cut(undefined)
    expect(pool.capacity).toBe(20)
    join(pool, 'e', 'f')
    expect(pool.capacity).toBe(20)
  })

  test('grows the capacity of a member that joins others', () => {
    const { pool, clock } = poolOf(['a'], { slowStartMs: 1_000 }, 10)
    join(pool, 'a', 'b')
    const grown = [pool.capacity]
    for (let n = 0; n < 4; n++) {
      clock.advance(250)
      grown.push(pool.capacity)
    }
    expect(grown).toEqual([11, 13, 15, 18, 20])
    join(pool, 'a', 'b')
    pool.cut(undefined)
    expect(pool.capacity).toBe(20)
  })

  test('grows the capacity of a member that gets weight again', () => {
    const { pool } = poolOf(['a'], { slowStartMs: 1_000 }, 10)
    pool.prepare(undefined, [member('a', { maxInFlight: 10 }), member('b', { maxInFlight: 10, weight: 0 })])
    expect(pool.capacity).toBe(10)
    join(pool, 'a', 'b')
    expect(pool.capacity).toBe(11)
  })

  test('grows the capacity of a member that is healthy again, even of the only one', () => {
    const { pool, clock } = poolOf(['a'], { slowStartMs: 1_000 }, 10)
    pool.setHealth(pool.backends[0]!, false)
    clock.advance(5_000)
    pool.setHealth(pool.backends[0]!, true)
    expect(pool.capacity).toBe(1)
    clock.advance(500)
    expect(pool.capacity).toBe(5)
  })

  test('grows the capacity of a member that was put aside and is back', async () => {
    const reach = (): Promise<Sighting> => Promise.resolve({ reached: true })
    const { pool, clock } = poolOf(['a', 'b'], { slowStartMs: 1_000, reach }, 10)
    pool.putAside(pool.backends[0]!)
    clock.advance(250)
    for (let n = 0; n < 4; n++) await Promise.resolve()
    expect(pool.backends[0]!.ejection).toBeUndefined()
    expect(pool.capacity).toBe(11)
  })

  test('treats new addresses of a name as members that were there before', () => {
    const { pool } = poolOf(['app', 'fixed'], { slowStartMs: 1_000 }, 10)
    const addresses = ['app@1', 'app@2'].map((id) => member(id, { maxInFlight: 10, origin: 'app' }))
    pool.prepare(undefined, [...addresses, member('fixed', { maxInFlight: 10 })])
    expect(pool.capacity).toBe(30)
    const [, stays] = addresses
    const later = member('app@3', { maxInFlight: 10, origin: 'app' })
    pool.prepare(undefined, [stays!, later, member('fixed', { maxInFlight: 10 })])
    expect(pool.capacity).toBe(21)
  })

  test('serves waiting requests as soon as the capacity has grown', () => {
    const { pool, clock } = poolOf(['a'], { slowStartMs: 1_000 }, 4)
    pool.setHealth(pool.backends[0]!, false)
    pool.setHealth(pool.backends[0]!, true)
    claimed(pool)
    const waiting = new TestClaimant()
    expect(pool.claim(waiting)).toBe('queued')
    clock.advance(240)
    expect(waiting.told).toEqual([])
    clock.advance(20)
    expect(waiting.told).toEqual([pool.backends[0]!])
  })

  test('serves waiting requests as soon as the only member recovers', () => {
    const { pool, clock } = poolOf(['a', 'b'], { slowStartMs: 1_000 }, 2)
    const [a, b] = pool.backends
    pool.setHealth(a!, false)
    expect([claimed(pool), claimed(pool)]).toEqual([b!, b!])
    const [first, second] = [new TestClaimant(), new TestClaimant()]
    expect([pool.claim(first), pool.claim(second)]).toEqual(['queued', 'queued'])
    pool.setHealth(a!, true)
    expect([first.told, second.told]).toEqual([[a!], []])
    clock.advance(510)
    expect(second.told).toEqual([a!])
  })
})

test('a queue without a time limit waits forever', () => {
  const { pool, clock } = poolOf(['a'], { queueTimeoutMs: Number.POSITIVE_INFINITY })
  claimed(pool)
  const waiting = new TestClaimant()
  pool.claim(waiting)
  clock.advance(1e9)
  expect(waiting.told).toEqual([])
})

test('two backends of one pool cannot have the same id', () => {
  expect(() => poolOf(['a', 'a'])).toThrow('two backends of pool app have the id a')
})

test('the retry budget is a share of the requests', () => {
  const { pool } = poolOf(['a'], {}, 1_000)
  let retries = 0
  while (pool.mayRetry()) retries++
  for (let n = 0; n < 100; n++) claimed(pool)
  let more = 0
  while (pool.mayRetry()) more++
  expect(retries).toBe(10)
  expect(more).toBeWithin(19, 21)
})
