import { describe, expect, test } from 'bun:test'
import type { Backend } from '../../src/upstream/backend.ts'
import { TestClaimant, member } from './fixtures.ts'
import { claimed, type EjectionPool, failing, run, settled, setup } from './ejection-pool.ts'

describe('a backend that refuses connections', () => {
  test('is put aside after one refused connection, in any number', () => {
    const { pool, told } = setup(['a', 'b', 'c'])
    expect(run(pool, 6, failing('connect-failed', 'b', 'c'))).toBe('abcaaa')
    expect(told).toEqual(['b refuses 1000', 'c refuses 1000'])
  })

  test('costs no further request: connections without a request find out when it listens again', async () => {
    const { pool, clock, told, listening } = setup(['a', 'b'])
    run(pool, 2, failing('connect-failed', 'b'))
    clock.advance(250)
    await settled()
    expect(run(pool, 4, failing('connect-failed', 'b'))).toBe('aaaa')
    listening.add('/run/b.sock')
    clock.advance(499)
    await settled()
    expect(told).toEqual(['b refuses 1000'])
    clock.advance(1)
    await settled()
    expect(told).toEqual(['b refuses 1000', 'b back'])
    expect(run(pool, 4, () => 'ok')).toContain('b')
  })

  test('is back at the latest a second after it listens again, however long it was away', async () => {
    const { pool, clock, told, listening } = setup(['a', 'b'])
    run(pool, 2, failing('connect-failed', 'b'))
    for (let second = 0; second < 100; second++) {
      clock.advance(1_000)
      await settled()
    }
    listening.add('/run/b.sock')
    clock.advance(1_000)
    await settled()
    expect(told.at(-1)).toBe('b back')
  })

  test('lets a request try each backend once before it fails', () => {
    const { pool } = setup(['a', 'b'])
    const tried: Backend[] = []
    for (let n = 0; n < 2; n++) {
      const backend = claimed(pool, { tried })
      pool.release(backend, 'connect-failed', backend.onTrial)
      tried.push(backend)
    }
    expect(tried.map(({ id }) => id)).toEqual(['a', 'b'])
    expect(pool.claim(new TestClaimant(), tried)).toBe('no-backend')
  })

  test('is tried when there is no other, up to three for one request, without being put aside anew', () => {
    const { pool, told } = setup(['a', 'b', 'c', 'd'])
    run(pool, 4, () => 'connect-failed')
    expect(told).toHaveLength(4)
    const tried: Backend[] = []
    for (;;) {
      const backend = pool.claim(new TestClaimant(), tried)
      if (typeof backend === 'string') break
      pool.release(backend, 'connect-failed', backend.onTrial)
      tried.push(backend)
    }
    expect(new Set(tried).size).toBe(3)
    expect(told).toHaveLength(4)
  })

  test('is back at its first answer when it was tried because no other was left', () => {
    const { pool, told } = setup(['a'])
    run(pool, 1, () => 'connect-failed')
    run(pool, 1, () => 'ok')
    expect(told).toEqual(['a refuses 1000', 'a back'])
  })
})

describe('a backend that does not take connections in time', () => {
  test('is put aside when there is another, and comes back when it takes one', async () => {
    const { pool, clock, told, listening } = setup(['a', 'b'])
    expect(run(pool, 4, failing('connect-timeout', 'b'))).toBe('abaa')
    expect(told).toEqual(['b silent 1000'])
    listening.add('/run/b.sock')
    clock.advance(1_000)
    await settled()
    expect(told.at(-1)).toBe('b back')
  })

  test('is put aside beyond the allowed share when a second connection confirms it', async () => {
    const { pool, told } = setup(['a', 'b'])
    run(pool, 2, () => 'connect-timeout')
    expect(told).toEqual(['a silent 1000'])
    await settled()
    expect(told).toEqual(['a silent 1000', 'b silent 1000'])
    expect(pool.claim(new TestClaimant())).toBe('no-backend')
  })
})

describe('a backend that fails requests others answer', () => {
  test.each(['reset', 'response-timeout', 'bad-response'] as const)('by %s is put aside', (outcome) => {
    const { pool, told } = setup(['a', 'b'])
    expect(run(pool, 8, failing(outcome, 'b'))).toBe('ababaaaa')
    expect(told).toEqual(['b suspect 1000'])
  })

  test('is not put aside when the others fail as well: then the requests are the cause', () => {
    const { pool, told } = setup(['a', 'b', 'c'])
    run(pool, 300, () => 'reset')
    expect(told).toEqual([])
  })

  test('is put aside for one failure in ten', () => {
    const { pool, told } = setup(['a', 'b'])
    let requests = 0
    run(pool, 60, (id) => (id === 'b' && ++requests % 10 === 0 ? 'reset' : 'ok'))
    expect(told).toEqual(['b suspect 1000'])
  })

  test('is not put aside beyond half of the backends, nor as the last one', () => {
    const { pool, told } = setup(['a', 'b', 'c', 'd'])
    run(pool, 200, failing('reset', 'b', 'c', 'd'))
    expect(told).toHaveLength(2)
    const alone = setup(['a'])
    run(alone.pool, 200, () => 'reset')
    expect(alone.told).toEqual([])
  })

  test('with too few requests to compare rates is put aside after three failures in a row', () => {
    const { pool, clock, told } = setup(['a', 'b'])
    for (let n = 0; n < 3; n++) {
      run(pool, 2, failing('reset', 'b'))
      clock.advance(11_000)
    }
    expect(told).toEqual(['b suspect 1000'])
  })

  test('is asked by the balancer first, so that no request fails while it does not answer', async () => {
    const { pool, clock, told, deaf } = setup(['a', 'b'])
    deaf.add('/run/b.sock')
    run(pool, 4, failing('reset', 'b'))
    for (let second = 0; second < 4; second++) {
      clock.advance(1_000)
      await settled()
      expect(run(pool, 3, failing('reset', 'b'))).toBe('aaa')
    }
    deaf.clear()
    clock.advance(4_000)
    await settled()
    expect(run(pool, 3, () => 'ok')).toContain('b')
    expect(told).toEqual(['b suspect 1000', 'b back'])
  })

  test('is tried by one request at a time, one that can be sent elsewhere', async () => {
    const { pool, clock, told } = setup(['a', 'b'])
    run(pool, 4, failing('reset', 'b'))
    clock.advance(1_000)
    await settled()
    expect(run(pool, 3, () => 'ok', { repeatable: false })).toBe('aaa')
    const trial = [claimed(pool), claimed(pool)].find(({ id }) => id === 'b')
    expect(trial?.onTrial).toBe(true)
    expect(run(pool, 3, () => 'ok')).toBe('aaa')
    pool.release(trial!, 'reset', true)
    expect(told).toEqual(['b suspect 1000', 'b suspect 2000'])
    clock.advance(2_000)
    await settled()
    expect(run(pool, 2, () => 'ok')).toContain('b')
    expect(told.at(-1)).toBe('b back')
  })

  test.each([
    {
      what: 'that answers is tried by any request when none came',
      isDeaf: false,
      repeatable: false,
      afterMs: 2_000,
    },
    {
      what: 'that answers no question is tried by a request',
      isDeaf: true,
      repeatable: true,
      afterMs: 5_000,
    },
    {
      what: 'that answers no question is tried by any request',
      isDeaf: true,
      repeatable: false,
      afterMs: 25_000,
    },
  ])('$what that can be sent elsewhere, after $afterMs ms', async ({ isDeaf, repeatable, afterMs }) => {
    const { pool, clock, deaf } = setup(['a', 'b'])
    if (isDeaf) deaf.add('/run/b.sock')
    run(pool, 4, failing('reset', 'b'))
    clock.advance(1_000)
    await settled()
    clock.advance(afterMs - 1_001)
    expect(run(pool, 2, () => 'ok', { repeatable })).toBe('aa')
    clock.advance(1)
    expect(run(pool, 2, () => 'ok', { repeatable })).toContain('b')
  })

  test('is not brought back by answers to earlier requests', () => {
    const { pool, told } = setup(['a', 'b'])
    const [, before] = [claimed(pool), claimed(pool)]
    run(pool, 4, failing('reset', 'b'))
    pool.release(before!, 'ok')
    expect(told).toEqual(['b suspect 1000'])
  })

  test('is put aside by one failure soon after its return, for longer; later as if for the first time', async () => {
    const { pool, clock, told } = setup(['a', 'b'])
    run(pool, 4, failing('reset', 'b'))
    clock.advance(1_000)
    await settled()
    run(pool, 4, () => 'ok')
    clock.advance(3_000)
    run(pool, 4, failing('reset', 'b'))
    expect(told).toEqual(['b suspect 1000', 'b back', 'b suspect 2000'])
    clock.advance(2_000)
    await settled()
    run(pool, 4, () => 'ok')
    clock.advance(60_000)
    run(pool, 8, failing('reset', 'b'))
    expect(told.at(-1)).toBe('b suspect 1000')
  })
})

describe('a backend that was put aside', () => {
  /** The backend fails, is asked until it answers, and is back with the next request. */
  async function flap({ pool, clock, deaf }: EjectionPool): Promise<void> {
    deaf.add('/run/b.sock')
    run(pool, 2, failing('reset', 'b'))
    await settled()
    clock.advance(500)
    await settled()
    deaf.clear()
  }

  test('is tried at once when it answers questions again', async () => {
    const stage = setup(['a', 'b'])
    await flap(stage)
    stage.clock.advance(1_000)
    await settled()
    expect(run(stage.pool, 2, () => 'ok')).toContain('b')
    expect(stage.told).toEqual(['b suspect 1000', 'b back'])
  })

  test('again and again waits for a quarter of its time, at most two seconds', async () => {
    const stage = setup(['a', 'b'])
    const { pool, clock } = stage
    for (const pauseMs of [0, 500, 1_000, 2_000, 2_000, 2_000]) {
      await flap(stage)
      for (let ms = 0; ms < 1_000 && !pool.backends[1]!.ejection!.answers; ms++) {
        clock.advance(1)
        await settled()
      }
      if (pauseMs > 0) {
        clock.advance(pauseMs - 1)
        expect(run(pool, 4, () => 'ok')).toBe('aaaa')
        clock.advance(1)
      }
      expect(run(pool, 4, () => 'ok')).toContain('b')
      clock.advance(1_000)
    }
  })

  test('and always answers questions is tried after five seconds at most, by requests that can be sent elsewhere', async () => {
    const { pool, clock, told } = setup(['a', 'b'])
    run(pool, 6, failing('reset', 'b'))
    for (let ms = 0; ms < 120_000; ms += 250) {
      clock.advance(250)
      await settled()
      run(pool, 2, failing('reset', 'b'))
    }
    expect(told.at(-1)).toBe('b suspect 60000')
    const before = told.length
    for (let ms = 0; ms < 5_500; ms += 250) {
      clock.advance(250)
      await settled()
      expect(run(pool, 2, () => 'ok', { repeatable: false })).toBe('aa')
    }
    run(pool, 2, () => 'ok')
    expect(told.slice(before)).toEqual(['b back'])
  })

  test('gets only requests that can be sent elsewhere for four times as long as it was put aside', async () => {
    const { pool, clock } = setup(['a', 'b'])
    run(pool, 4, failing('reset', 'b'))
    clock.advance(1_000)
    await settled()
    expect(run(pool, 2, () => 'ok')).toContain('b')
    clock.advance(3_999)
    expect(run(pool, 4, () => 'ok', { repeatable: false })).toBe('aaaa')
    expect(run(pool, 4, () => 'ok')).toContain('b')
    clock.advance(1)
    expect(run(pool, 4, () => 'ok', { repeatable: false })).toContain('b')
  })
})

describe('a request that waits', () => {
  test('is refused when the last backend goes: the queue is only for busy backends', () => {
    const { pool } = setup([])
    pool.prepare(undefined, [member('a')])
    const held = claimed(pool)
    const waiting = new TestClaimant()
    expect(pool.claim(waiting)).toBe('queued')
    pool.setHealth(held, false)
    expect(waiting.told).toEqual(['no-backend'])
  })

  test.each(['unhealthy', 'without weight'])('does not wait while all are %s', (how) => {
    const { pool } = setup([])
    pool.prepare(undefined, [member('a', { weight: how === 'without weight' ? 0 : 1 })])
    if (how === 'unhealthy') pool.setHealth(pool.backends[0]!, false)
    expect(pool.claim(new TestClaimant())).toBe('no-backend')
  })
})
