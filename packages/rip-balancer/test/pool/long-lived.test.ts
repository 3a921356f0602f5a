import { describe, expect, test } from 'bun:test'
import type { Backend } from '../../src/upstream/backend.ts'
import type { BackendSpec } from '../../src/pool/pooled-backend.ts'
import { Pool } from '../../src/pool/pool.ts'
import type { PoolOptions } from '../../src/pool/pool-options.ts'
import { FakeClock, TestClaimant, member } from './fixtures.ts'

function poolOf(members: readonly BackendSpec[], options: PoolOptions = {}): Pool {
  const pool = new Pool({
    clock: new FakeClock(),
    reach: () => Promise.resolve({ reached: true }),
    ask: () => Promise.resolve({ reached: true }),
    ...options,
  })
  pool.prepare(undefined, members)
  return pool
}

function claimed(pool: Pool, claimant = new TestClaimant()): Backend {
  const answer = pool.claim(claimant)
  if (typeof answer === 'string') throw new Error(`no backend: ${answer}`)
  return answer
}

function opened(pool: Pool, key?: string): Backend {
  const backend = claimed(pool, new TestClaimant(key, true))
  pool.hold(backend, 'tunnel', backend.onTrial)
  return backend
}

describe('a tunnel or event stream', () => {
  test('gives its slot to the request that has waited longest', () => {
    const pool = poolOf([member('a')])
    const a = claimed(pool)
    const waiting = new TestClaimant()
    expect(pool.claim(waiting)).toBe('queued')
    pool.hold(a, 'event-stream')
    expect(waiting.told).toEqual([a])
    expect(pool.status()).toMatchObject({ inFlight: 1, tunnels: 0, eventStreams: 1 })
  })

  test('does not make backends scarce', () => {
    const pool = poolOf([member('a', { maxInFlight: 4 })])
    for (let n = 0; n < 4; n++) opened(pool)
    expect([pool.isPressed, pool.inFlight]).toEqual([false, 0])
  })

  test('is released once', () => {
    const pool = poolOf([member('a')])
    const a = opened(pool)
    expect(() => pool.release(a, 'ok')).toThrow('released more often')
    expect(() => pool.letGo(a, 'event-stream', 'ok')).toThrow('let go of more often')
    pool.letGo(a, 'tunnel', 'ok')
    expect(() => pool.letGo(a, 'tunnel', 'ok')).toThrow('let go of more often')
  })

  test('is waited for by a drain, reported when that is given up, and keeps its backend known until it ends', async () => {
    const retired: string[] = []
    const pool = poolOf([], { observer: { retired: ({ id }) => retired.push(id) } })
    pool.prepare('g1', [member('a')])
    pool.cut('g1')
    const a = opened(pool)
    pool.prepare('g2', [member('b')])
    pool.cut('g2')
    const over = new AbortController()
    const given = pool.drain('g1', over.signal)
    over.abort()
    expect((await given).abandoned).toBe(1)
    expect(retired).toEqual([])
    expect(pool.status().backends).toMatchObject([{ id: 'b' }, { id: 'a', state: 'leaving', tunnels: 1 }])
    const drained = pool.drain('g1', new AbortController().signal)
    pool.letGo(a, 'tunnel', 'ok')
    expect((await drained).abandoned).toBe(0)
    expect([retired, pool.status().backends.length]).toEqual([['a'], 1])
  })

  test('brings back a backend on trial when it begins, not when it ends', async () => {
    const clock = new FakeClock()
    const pool = poolOf([member('a'), member('b')], { clock, ejection: { after: 1, minMs: 50 } })
    for (let n = 0; n < 8; n++) {
      const backend = claimed(pool)
      pool.release(backend, backend.id === 'a' ? 'reset' : 'ok')
    }
    const stateOfA = (): string | undefined => pool.status().backends.find(({ id }) => id === 'a')?.state
    expect(stateOfA()).toBe('ejected')
    clock.advance(50)
    // It answers the question of the balancer.
    await Bun.sleep(0)
    const ids = [opened(pool), opened(pool)].map(({ id }) => id)
    expect(ids).toContain('a')
    expect(stateOfA()).toBe('serving')
  })
})

describe('a backend at its limit of tunnels and event streams', () => {
  test('takes requests, but no request for a tunnel', () => {
    const pool = poolOf([member('a', { maxInFlight: 9 })], { maxLongLivedPerBackend: 2 })
    const [first] = [opened(pool), opened(pool)]
    expect(pool.claim(new TestClaimant(undefined, true))).toBe('long-lived-backend')
    expect([pool.hasRoom(first!), claimed(pool).id]).toEqual([false, 'a'])
    pool.letGo(first!, 'tunnel', 'ok')
    expect(opened(pool).id).toBe('a')
  })

  test('blocks no request: one for a tunnel that waited is refused, and those behind it are served', () => {
    const pool = poolOf([member('a', { maxInFlight: 2 })], { maxLongLivedPerBackend: 1 })
    const [first, second] = [claimed(pool), claimed(pool)]
    const tunnel = new TestClaimant(undefined, true)
    const request = new TestClaimant()
    expect([pool.claim(tunnel), pool.claim(request)]).toEqual(['queued', 'queued'])
    pool.hold(first, 'event-stream')
    expect([tunnel.told, request.told]).toEqual([['long-lived-backend'], [second]])
  })

  test('gets no tunnel while another has room', () => {
    const pool = poolOf([member('a', { maxInFlight: 9 }), member('b', { maxInFlight: 9 })], {
      maxLongLivedPerBackend: 1,
    })
    expect([opened(pool).id, opened(pool).id]).toEqual(['a', 'b'])
    expect(pool.claim(new TestClaimant(undefined, true))).toBe('long-lived-backend')
  })
})

describe('tunnels', () => {
  test.each(['round-robin', 'least-requests', 'p2c', 'weighted'] as const)(
    '%s: are spread by the number each backend has, also when one of them starts anew',
    (policy) => {
      const pool = poolOf([member('a', { maxInFlight: 9 }), member('b', { maxInFlight: 9 })], { policy })
      for (let n = 0; n < 20; n++) opened(pool)
      pool.prepare(undefined, [member('a', { maxInFlight: 9 }), member('c', { maxInFlight: 9 })])
      for (let n = 0; n < 10; n++) opened(pool)
      const held = pool.status().backends.filter(({ state }) => state === 'serving')
      const counts = held.map(({ tunnels }) => tunnels).toSorted((a, b) => a - b)
      expect(counts[1]! - counts[0]!).toBeLessThanOrEqual(policy === 'p2c' ? 4 : 1)
    },
  )

  test('do not change the turns of requests', () => {
    const pool = poolOf([member('a', { maxInFlight: 9 }), member('b', { maxInFlight: 9 })], {
      policy: 'least-requests',
    })
    for (let n = 0; n < 3; n++) opened(pool)
    const ids = [claimed(pool), claimed(pool), claimed(pool), claimed(pool)].map(({ id }) => id)
    expect(ids.toSorted()).toEqual(['a', 'a', 'b', 'b'])
  })

  test('go to the backend that a hash policy names', () => {
    const pool = poolOf([member('a', { maxInFlight: 9 }), member('b', { maxInFlight: 9 })], {
      policy: 'hash',
    })
    const ids = new Set(Array.from({ length: 6 }, () => opened(pool, 'client').id))
    expect(ids.size).toBe(1)
  })
})
