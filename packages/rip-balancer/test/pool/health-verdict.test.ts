import { describe, expect, test } from 'bun:test'
import { claimed, failing, run, setup } from './ejection-pool.ts'

describe('an active health check', () => {
  test('that passes brings back a backend that refused connections, before its next probe', () => {
    const { pool, clock, told } = setup(['a', 'b'])
    run(pool, 2, failing('connect-failed', 'b'))
    clock.advance(10)
    pool.noteCheck(pool.backends[1]!, true)
    expect(told).toEqual(['b refuses 1000', 'b back'])
    expect(run(pool, 4, failing('ok'))).toContain('b')
  })

  test('that passes does not bring back a backend whose requests failed', () => {
    const { pool, told } = setup(['a', 'b'])
    run(pool, 20, failing('reset', 'b'))
    pool.noteCheck(pool.backends[1]!, true)
    expect(told).toEqual(['b suspect 1000'])
    expect(run(pool, 4, failing('ok'))).toBe('aaaa')
  })

  test('that had failed and passes again lets the next request try the backend', () => {
    const { pool, told } = setup(['a', 'b'])
    run(pool, 20, failing('reset', 'b'))
    const b = pool.backends[1]!
    pool.setHealth(b, false, 'connection reset')
    pool.setHealth(b, true)
    expect(run(pool, 4, failing('ok'))).toContain('b')
    expect(told).toEqual(['b suspect 1000', 'b back'])
  })

  test('that had failed and passes again is not believed when that request fails', () => {
    const { pool, told } = setup(['a', 'b'])
    run(pool, 20, failing('reset', 'b'))
    const b = pool.backends[1]!
    pool.setHealth(b, false, 'connection reset')
    pool.setHealth(b, true)
    expect(run(pool, 10, failing('reset', 'b')).replaceAll('a', '')).toBe('b')
    expect(told).toEqual(['b suspect 1000', 'b suspect 2000'])
  })
})

describe('a health check that fails once', () => {
  test('sends requests to others, as long as they take them', () => {
    const { pool } = setup(['a', 'b', 'c'])
    pool.noteCheck(pool.backends[1]!, false)
    expect(run(pool, 6, failing('ok'))).not.toContain('b')
    pool.noteCheck(pool.backends[1]!, true)
    expect(run(pool, 6, failing('ok'))).toContain('b')
  })

  test('leaves a backend the requests that no other takes', () => {
    const { pool } = setup(['a', 'b'])
    const [a, b] = pool.backends
    a!.maxInFlight = 1
    pool.noteCheck(b!, false)
    expect([claimed(pool).id, claimed(pool).id]).toEqual(['a', 'b'])
  })

  test('changes nothing when all backends fail it', () => {
    const { pool } = setup(['a', 'b'])
    for (const member of pool.backends) pool.noteCheck(member, false)
    expect(run(pool, 4, failing('ok'))).toBe('abab')
  })

  test('is forgotten when checks are switched off', () => {
    const { pool } = setup(['a', 'b'])
    pool.noteCheck(pool.backends[1]!, false)
    pool.forgetHealth()
    expect(run(pool, 4, failing('ok'))).toBe('abab')
  })
})
