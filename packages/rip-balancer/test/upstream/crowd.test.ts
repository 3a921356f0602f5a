import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { Crowd } from '../../src/upstream/crowd.ts'
import { Lanes, type LaneMaker } from '../../src/upstream/lanes.ts'
import type { Backend } from '../../src/upstream/backend.ts'

describe('a connection of HTTP/2', () => {
  test('is used from the seventeenth request at a time on', () => {
    const crowd = new Crowd()
    expect(Array.from({ length: 20 }, (_, at) => crowd.joined(at + 1, 0))).toEqual([
      ...Array.from({ length: 16 }, () => false),
      ...Array.from({ length: 4 }, () => true),
    ])
  })

  test('is kept while the requests of one round come in, which are few at first', () => {
    const crowd = new Crowd()
    for (let n = 1; n <= 32; n++) crowd.joined(n, 0)
    for (let round = 1; round <= 100; round++)
      for (let n = 1; n <= 13; n++) expect(crowd.joined(n, round * 100)).toBe(true)
  })

  test('is given up when there were no more than twelve for a second', () => {
    const crowd = new Crowd()
    crowd.joined(17, 5_000)
    expect(crowd.joined(12, 5_999)).toBe(true)
    expect(crowd.joined(12, 6_000)).toBe(false)
    expect(crowd.joined(16, 6_001)).toBe(false)
    expect(crowd.joined(17, 6_002)).toBe(true)
  })
})

describe('a response that waits for its client', () => {
  function backendWithLanes() {
    const backend = { inFlight: 0 }
    const lanes = new Lanes({ nowMs: 0 } as LaneMaker, backend as Backend)
    return { lanes, joins: (): boolean => (backend.inFlight++, lanes.isWorthwhile()) }
  }

  test('is no part of a crowd', () => {
    const { lanes, joins } = backendWithLanes()
    for (let count = 0; count < 16; count++) {
      expect(joins()).toBe(false)
      lanes.holdUp(1)
    }
    for (let count = 0; count < 16; count++) expect(joins()).toBe(false)
    expect(joins()).toBe(true)
  })

  test('is one again when it goes on', () => {
    const { lanes, joins } = backendWithLanes()
    for (let count = 0; count < 16; count++) joins()
    lanes.holdUp(1)
    lanes.holdUp(-1)
    expect(joins()).toBe(true)
  })
})

test('whatever the load does, many requests get one, and it is not given up within a second', () => {
  const steps = fc.array(fc.tuple(fc.integer({ min: 1, max: 24 }), fc.integer({ min: 0, max: 700 })))
  fc.assert(
    fc.property(steps, (load) => {
      const crowd = new Crowd()
      let now = 0
      let wasLarge = false
      let beganAt = 0
      for (const [inFlight, laterMs] of load) {
        now += laterMs
        const isLarge = crowd.joined(inFlight, now)
        if (inFlight > 16) expect(isLarge).toBe(true)
        if (isLarge && !wasLarge) {
          expect(inFlight).toBeGreaterThan(16)
          beganAt = now
        }
        if (!isLarge && wasLarge) expect(now - beganAt).toBeGreaterThanOrEqual(1_000)
        wasLarge = isLarge
      }
    }),
  )
})
