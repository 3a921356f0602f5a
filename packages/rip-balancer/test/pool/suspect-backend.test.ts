import { describe, expect, test } from 'bun:test'
import type { Outcome } from '../../src/pool/claim.ts'
import { Pool } from '../../src/pool/pool.ts'
import type { Sighting } from '../../src/pool/reach.ts'
import { TestClaimant } from './fixtures.ts'
import { failing, run, settled, setup } from './ejection-pool.ts'

describe('a backend whose first request failed', () => {
  const failOnce = (pool: Pool, outcome: Outcome = 'reset'): string => run(pool, 2, failing(outcome, 'b'))

  test.each(['reset', 'response-timeout', 'bad-response'] as const)(
    'is asked at once, and put aside if it does not answer: %s',
    async (outcome) => {
      const { pool, clock, told, deaf } = setup(['a', 'b'])
      deaf.add('/run/b.sock')
      failOnce(pool, outcome)
      await settled()
      expect(told).toEqual(['b suspect 1000'])
      for (let second = 0; second < 20; second++) {
        expect(run(pool, 3, failing(outcome, 'b'), { repeatable: false })).toBe('aaa')
        clock.advance(1_000)
        await settled()
      }
    },
  )

  test('is asked, and stays if it answers: the request may be the cause', async () => {
    const { pool, told, asked } = setup(['a', 'b'])
    failOnce(pool)
    await settled()
    expect(asked).toEqual(['/run/b.sock'])
    expect(told).toEqual([])
    expect(run(pool, 4, () => 'ok')).toContain('b')
  })

  test('is asked once a second at most, however many fail', async () => {
    const { pool, clock, asked } = setup(['a', 'b'], { ejection: { after: 1_000 } })
    for (const [count, afterMs] of [
      [1, 0],
      [1, 999],
      [2, 1],
    ] as const) {
      clock.advance(afterMs)
      for (let n = 0; n < 2; n++) failOnce(pool)
      await settled()
      expect(asked).toHaveLength(count)
    }
  })

  test('is put aside, in any number, if the question finds that it refuses connections', async () => {
    const { pool, told } = setup(['a', 'b', 'c'], {
      ask: () => Promise.resolve({ reached: false, failure: 'connect-failed', reason: 'connection refused' }),
    })
    run(pool, 3, failing('reset', 'b', 'c'))
    await settled()
    expect(told).toEqual(['b refuses 1000', 'c refuses 1000'])
  })

  test.each([
    ['this process could not ask', 'local-failure', 0],
    ['a request was answered meanwhile', 'timeout', 2],
  ] as const)('is not judged by the question when %s', async (_, failure, answered) => {
    const reply = Promise.withResolvers<Sighting>()
    const { pool, told } = setup(['a', 'b'], { ask: () => reply.promise })
    failOnce(pool)
    run(pool, answered, () => 'ok')
    reply.resolve({ reached: false, failure })
    await settled()
    expect(told).toEqual([])
  })

  test('stays when all fail: one has to answer', async () => {
    const { pool, told, deaf } = setup(['a', 'b'])
    deaf.add('/run/a.sock').add('/run/b.sock')
    run(pool, 4, () => 'reset')
    await settled()
    expect(told).toEqual(['a suspect 1000'])
  })

  test('is not asked again if it answers requests but no questions', async () => {
    const { pool, clock, told, deaf, asked } = setup(['a', 'b'])
    deaf.add('/run/b.sock')
    failOnce(pool)
    await settled()
    clock.advance(5_000)
    await settled()
    expect(run(pool, 2, () => 'ok')).toContain('b')
    expect(told.at(-1)).toBe('b back')
    clock.advance(60_000)
    const before = asked.length
    failOnce(pool)
    await settled()
    expect(asked).toHaveLength(before)
    expect(told.at(-1)).toBe('b back')
  })
})

describe('a backend of which a request failed', () => {
  test('gets no requests that cannot be repeated for a while, even if it answers others', () => {
    const { pool, clock, told } = setup(['a', 'b', 'c'], { ejection: { after: 5 } })
    expect(run(pool, 3, failing('reset', 'b'))).toBe('abc')
    expect(run(pool, 3, failing('ok'))).toContain('b')
    clock.advance(999)
    expect(run(pool, 6, failing('ok'), { repeatable: false })).not.toContain('b')
    clock.advance(1)
    expect(run(pool, 3, failing('ok'), { repeatable: false })).toContain('b')
    expect(told).toEqual([])
  })

  test('is no longer avoided after a while without requests that can be repeated', () => {
    const { pool, clock } = setup(['a', 'b'])
    run(pool, 2, failing('reset', 'b'))
    clock.advance(999)
    expect(run(pool, 2, failing('ok'), { repeatable: false })).toBe('aa')
    clock.advance(1)
    expect(run(pool, 2, failing('ok'), { repeatable: false })).toContain('b')
  })

  test('is used when there is no other', () => {
    const { pool } = setup(['a', 'b'])
    run(pool, 2, failing('reset', 'a', 'b'))
    expect(run(pool, 4, failing('reset', 'a', 'b'), { repeatable: false })).toBe('abab')
  })

  test('keeps the clients that hash or sticky send to it', () => {
    const { pool } = setup(['a', 'b'], { policy: 'hash' })
    const client = new TestClaimant('somebody')
    const home = pool.claim(client)
    if (typeof home === 'string') throw new Error('nobody took it')
    pool.release(home, 'reset')
    client.isRepeatable = false
    expect(pool.claim(client)).toBe(home)
  })
})
