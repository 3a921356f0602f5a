import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { judge } from '../../src/machine/comparison.ts'
import type { ComparedGroup, Comparison } from '../../src/contract/ports.ts'

const LIMITS = { minErrors: 10, maxErrorRate: 0.02, crashed: false }

const group = (changes: Partial<ComparedGroup>): ComparedGroup => ({
  history: 100,
  requests: 50,
  failed: 0,
  requestsBefore: 50,
  failedBefore: 0,
  refusedBefore: 0,
  ...changes,
})

const by = (kinds: readonly ComparedGroup[], clients: readonly ComparedGroup[] = kinds): Comparison => ({
  kinds,
  clients,
})

describe('code that answers worse than the previous code is recognised', () => {
  test('when it always fails, by a few requests', () => {
    expect(judge(by([group({ requests: 10, failed: 10, requestsBefore: 10 })]), LIMITS)).toBe('worse')
  })

  test('when it fails every other time', () => {
    expect(judge(by([group({ requests: 30, failed: 15, requestsBefore: 30 })]), LIMITS)).toBe('worse')
  })

  test('when its workers die, by each request they lose', () => {
    const few = by([group({ requests: 3, failed: 3, requestsBefore: 5 })])
    expect([judge(few, LIMITS), judge(few, { ...LIMITS, crashed: true })]).toEqual(['open', 'worse'])
    const both = by([group({ requests: 3, failed: 3, requestsBefore: 5, failedBefore: 3 })])
    expect(judge(both, { ...LIMITS, crashed: true })).toBe('open')
  })

  test('when its workers die, as soon as a few requests of any kinds were lost', () => {
    const lost = { requests: 1, failed: 1, requestsBefore: 0 }
    const answered = { requests: 0, requestsBefore: 1 }
    const kinds = [lost, answered, lost, answered, answered, lost, lost, answered].map(group)
    const unasked = Array.from({ length: 92 }, () => group({ requests: 0, requestsBefore: 0 }))
    const clients = [group({ failed: 4 })]
    const crashed = { ...LIMITS, crashed: true }
    expect(judge(by([...kinds, ...unasked], clients), crashed)).toBe('worse')
    const alike = kinds.map((kind) => ({ ...kind, failedBefore: kind.requestsBefore }))
    expect(judge(by([...alike, ...unasked], clients), crashed)).toBe('open')
    const unknown = kinds.map((kind) => ({ ...kind, history: 0 }))
    expect(judge(by([...unknown, ...unasked], clients), crashed)).toBe('open')
  })

  test('when the most frequent request fails, and no other', () => {
    const kinds = [group({ history: 400, failed: 40 }), group({ history: 600 })]
    expect(judge(by(kinds), LIMITS)).toBe('worse')
  })

  test('when half of many kinds fail, each asked for once or twice', () => {
    const kinds = Array.from({ length: 60 }, (_, n) =>
      group({ history: 3, requests: 2, failed: n % 2 === 0 ? 2 : 0, requestsBefore: 2 }),
    )
    expect(judge(by(kinds, [group({ failed: 60 })]), LIMITS)).toBe('worse')
  })
})

describe('when there were hardly any requests before the cut', () => {
  const unknown = { history: 0, requests: 40, requestsBefore: 40 }

  test('code that fails most of the time is recognised', () => {
    expect(judge(by([group({ ...unknown, failed: 40 })]), LIMITS)).toBe('worse')
    expect(judge(by([group({ ...unknown, failed: 36, failedBefore: 4 })]), LIMITS)).toBe('worse')
  })

  test('failing requests of a few clients among many are not enough', () => {
    const kinds = [group({ ...unknown, failed: 40 }), group({ history: 2, requests: 60, requestsBefore: 60 })]
    expect(judge(by(kinds, [group({ failed: 40 })]), LIMITS)).not.toBe('worse')
  })

  test('requests that were refused before count for nothing', () => {
    expect(judge(by([group({ ...unknown, failed: 40, refusedBefore: 40 })]), LIMITS)).not.toBe('worse')
  })
})

describe('clients cannot cause a release to be taken back', () => {
  test('by requests that also fail in the previous code', () => {
    expect(judge(by([group({ failed: 25, failedBefore: 25 })]), LIMITS)).toBe('open')
    expect(
      judge(by([group({ requests: 200, failed: 100, requestsBefore: 200, failedBefore: 100 })]), LIMITS),
    ).toBe('no-worse')
  })

  test('by requests that the previous code refuses', () => {
    expect(judge(by([group({ failed: 50, refusedBefore: 50 })]), LIMITS)).toBe('open')
  })

  test('by requests of a kind that was never answered well before', () => {
    const kinds = [group({}), group({ history: 0, requests: 900, failed: 900, requestsBefore: 900 })]
    expect(judge(by(kinds, [group({ failed: 900 })]), LIMITS)).not.toBe('worse')
  })

  test('by repeating a rare request', () => {
    const kinds = [
      group({ history: 990 }),
      group({ history: 10, requests: 900, failed: 900, requestsBefore: 900 }),
    ]
    expect(judge(by(kinds, [group({ failed: 900 })]), LIMITS)).not.toBe('worse')
  })

  test('alone among others', () => {
    const kinds = [group({ requests: 500, failed: 400, requestsBefore: 500 })]
    const others = Array.from({ length: 5 }, () => group({ history: 10, requests: 20, requestsBefore: 20 }))
    const alone = group({ requests: 400, failed: 400, requestsBefore: 400 })
    expect(judge(by(kinds, [...others, alone]), LIMITS)).not.toBe('worse')
  })

  test('by a few addresses among many', () => {
    const kinds = [group({ requests: 500, failed: 400, requestsBefore: 500 })]
    const others = Array.from({ length: 60 }, () => group({ history: 10, requests: 2, requestsBefore: 2 }))
    const few = Array.from({ length: 5 }, () => group({ requests: 80, failed: 80, requestsBefore: 80 }))
    expect(judge(by(kinds, [...others, ...few]), LIMITS)).not.toBe('worse')
  })

  test('property: by any requests, when both generations answer alike', () => {
    const kinds = fc.array(
      fc.record({
        history: fc.nat(100),
        requests: fc.nat(400),
        share: fc.double({ min: 0, max: 1, noNaN: true }),
      }),
      { minLength: 1, maxLength: 20 },
    )
    fc.assert(
      fc.property(kinds, (all) => {
        const groups = all.map(({ history, requests, share }) => {
          const failed = Math.round(share * requests)
          return group({ history, requests, failed, requestsBefore: requests, failedBefore: failed })
        })
        expect(judge(by(groups), LIMITS)).not.toBe('worse')
      }),
    )
  })
})

test('no lots decide nothing, and enough lots without a difference clear the code', () => {
  expect(judge(by([]), LIMITS)).toBe('open')
  expect(judge(by([group({ requests: 0, requestsBefore: 0 })]), LIMITS)).toBe('open')
  expect(judge(by([group({ requests: 100, requestsBefore: 100 })]), LIMITS)).toBe('no-worse')
  expect(judge(by([group({ requests: 1_000, failed: 30, requestsBefore: 1_000 })], []), LIMITS)).toBe(
    'no-worse',
  )
})

test('chance alone takes nothing back', () => {
  // Both fail half of the time; the seed makes the lots reproducible.
  let seed = 1
  const random = (): number => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647
  for (let attempt = 0; attempt < 500; attempt++) {
    const counts = { requests: 0, failed: 0, requestsBefore: 0, failedBefore: 0 }
    for (let n = 0; n < 200; n++) {
      const fails = random() < 0.5 ? 1 : 0
      if (random() < 0.5) {
        counts.requests++
        counts.failed += fails
      } else {
        counts.requestsBefore++
        counts.failedBefore += fails
      }
    }
    expect(judge(by([group(counts)]), LIMITS)).not.toBe('worse')
  }
})

test('one or two requests of each of many kinds take nothing back by chance', () => {
  let seed = 1
  const random = (): number => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647
  for (let attempt = 0; attempt < 500; attempt++) {
    const kinds = Array.from({ length: 60 }, () => group({ requests: 0, requestsBefore: 0 }))
    for (let n = 0; n < 90; n++) {
      const which = Math.floor(random() * kinds.length)
      const { requests, failed, requestsBefore, failedBefore, ...rest } = kinds[which]!
      // Every tenth kind fails, in both generations.
      const fails = which % 10 === 0 ? 1 : 0
      kinds[which] =
        random() < 0.5
          ? { ...rest, requestsBefore, failedBefore, requests: requests + 1, failed: failed + fails }
          : {
              ...rest,
              requests,
              failed,
              requestsBefore: requestsBefore + 1,
              failedBefore: failedBefore + fails,
            }
      const comparison = by(kinds, [group({ failed: 30 })])
      expect(judge(comparison, { ...LIMITS, crashed: true })).not.toBe('worse')
    }
  }
}, 60_000)
