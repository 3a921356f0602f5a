import { describe, expect, test } from 'bun:test'
import type { PoolOptions } from '../../src/pool/pool-options.ts'
import { TestClaimant } from './fixtures.ts'
import { claimed, run, setup } from './ejection-pool.ts'

describe('a backend that answers nothing for far longer than usual', () => {
  /** Both answer, b has a request in flight, and time passes. */
  function quietFor(ms: number, options: Partial<PoolOptions> = {}, usualMs = 10) {
    const stage = setup(['a', 'b'], options)
    for (let n = 0; n < 4; n++) {
      const [a, b] = [claimed(stage.pool), claimed(stage.pool)]
      stage.clock.advance(usualMs)
      for (const backend of [a, b]) stage.pool.release(backend, 'ok')
    }
    // The second request for b is the first that finds it busy.
    const held = Array.from({ length: 4 }, () => claimed(stage.pool))
    for (const backend of held) if (backend.id === 'a') stage.pool.release(backend, 'ok')
    stage.clock.advance(ms)
    return { ...stage, held: held.find(({ id }) => id === 'b')! }
  }

  test('gets no requests while others take them, and its share when it answers', () => {
    const { pool, held, told } = quietFor(251)
    for (const repeatable of [true, false]) expect(run(pool, 4, () => 'ok', { repeatable })).toBe('aaaa')
    pool.release(held, 'ok')
    expect(run(pool, 4, () => 'ok')).toContain('b')
    expect(told).toEqual([])
  })

  test.each([
    ['a quarter of a second', 250, 10],
    ['four times as long as it usually is', 1_200, 300],
  ])('still gets requests before %s', (_, ms, usualMs) => {
    const { pool } = quietFor(ms, {}, usualMs)
    expect(run(pool, 4, () => 'ok')).toContain('b')
  })

  test('is preferred to one that is full', () => {
    const { pool } = quietFor(1_000)
    pool.backends[0]!.maxInFlight = 0
    expect(run(pool, 1, () => 'ok')).toBe('b')
  })

  test('gets its share when all are silent', () => {
    const { pool, clock } = quietFor(0)
    for (let n = 0; n < 4; n++) claimed(pool)
    clock.advance(1_000)
    expect([claimed(pool).id, claimed(pool).id].toSorted()).toEqual(['a', 'b'])
  })

  test('keeps the clients that belong to it', () => {
    const { pool, clock } = setup(['a', 'b'], { policy: 'hash' })
    const client = new TestClaimant('somebody')
    const home = pool.claim(client)
    expect(pool.claim(client)).toBe(home)
    clock.advance(1_000)
    expect(pool.claim(client)).toBe(home)
  })
})
