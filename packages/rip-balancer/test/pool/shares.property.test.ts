import { expect, test } from 'bun:test'
import fc from 'fast-check'
import type { Backend } from '../../src/upstream/backend.ts'
import type { PolicyName } from '../../src/pool/policy.ts'
import { Pool } from '../../src/pool/pool.ts'
import { FakeClock, TestClaimant, member } from './fixtures.ts'

/** Policies with a fixed order, whose shares are exact. */
const TURNS: readonly PolicyName[] = ['round-robin', 'weighted', 'least-requests', 'sticky', 'hash']
/** Policies that choose by chance, or by the hash of a key. */
const CHANCE: readonly PolicyName[] = ['p2c', 'hash']

const weights = fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 6 })
const anyWeights = fc.array(fc.double({ min: 0.05, max: 20, noNaN: true }), { minLength: 1, maxLength: 6 })
const seed = fc.integer({ min: 1, max: 2_000_000_000 })

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)

function poolOf(policy: PolicyName, first: readonly number[], seedOfChance: number): Pool {
  let state = seedOfChance
  const random = (): number => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647
  const pool = new Pool({ policy, random, clock: new FakeClock() })
  weigh(pool, first)
  return pool
}

function weigh(pool: Pool, all: readonly number[]): void {
  pool.prepare(
    undefined,
    all.map((weight, n) => member(`m${n}`, { weight, maxInFlight: 100 })),
  )
}

/** Claims one after the other. @returns how many each member got */
function countsOf(pool: Pool, claims: number, keyOf: (n: number) => string | undefined): number[] {
  const before = pool.backends.map(({ requests }) => requests)
  for (let n = 0; n < claims; n++) {
    const backend = pool.claim(new TestClaimant(keyOf(n)))
    if (typeof backend === 'string') throw new Error(backend)
    pool.release(backend, 'ok')
  }
  return pool.backends.map(({ requests }, n) => requests - before[n]!)
}

const noKey = (): undefined => undefined

for (const policy of TURNS) {
  test(`${policy}: as many requests as the sum of the weights are shared exactly by them`, () => {
    fc.assert(
      fc.property(weights, seed, fc.integer({ min: 1, max: 5 }), (shares, chance, rounds) => {
        const pool = poolOf(policy, shares, chance)
        const expected = shares.map((weight) => weight * rounds)
        expect(countsOf(pool, sum(shares) * rounds, noKey)).toEqual(expected)
      }),
    )
  })

  test(`${policy}: changed weights count from the next request on`, () => {
    fc.assert(
      fc.property(weights, weights, seed, fc.nat(50), (before, after, chance, claims) => {
        const pool = poolOf(policy, before, chance)
        countsOf(pool, claims, noKey)
        weigh(pool, after)
        expect(countsOf(pool, sum(after), noKey)).toEqual(after)
      }),
    )
  })

  test(`${policy}: no backend is ever far from its share, and the share of one that is out goes to the others`, () => {
    fc.assert(
      fc.property(anyWeights, seed, fc.nat(300), fc.nat(5), (shares, chance, claims, out) => {
        const pool = poolOf(policy, shares, chance)
        if (shares.length > 1) pool.setHealth(pool.backends[out % shares.length]!, false)
        const used = pool.backends.filter(({ healthy }) => healthy)
        const total = sum(used.map(({ weight }) => weight))
        countsOf(pool, claims, noKey)
        for (const { weight, requests } of used) {
          const share = weight / total
          expect(Math.abs(requests - claims * share)).toBeLessThanOrEqual(1 + used.length * share + 1e-6)
        }
      }),
    )
  })
}

for (const policy of CHANCE) {
  test(`${policy}: shares are those of the weights in the long run`, () => {
    fc.assert(
      fc.property(weights, seed, (shares, chance) => {
        const claims = 3_000
        const counts = countsOf(poolOf(policy, shares, chance), claims, (n) => `key ${chance} ${n}`)
        for (const [n, weight] of shares.entries()) {
          const share = weight / sum(shares)
          // Six times the standard deviation: once in a billion.
          const bound = 6 * Math.sqrt(claims * share * (1 - share)) + 1
          expect(Math.abs(counts[n]! - claims * share)).toBeLessThanOrEqual(bound)
        }
      }),
      { numRuns: 30 },
    )
  })
}

test('least-requests: shares are those of the weights also while requests take their time', () => {
  fc.assert(
    fc.property(weights, seed, fc.integer({ min: 1, max: 40 }), (shares, chance, atOnce) => {
      const pool = poolOf('least-requests', shares, chance)
      const held: Backend[] = []
      const claims = 40 * sum(shares)
      for (let n = 0; n < claims; n++) {
        held.push(pool.claim(new TestClaimant()) as Backend)
        if (held.length >= atOnce) pool.release(held.shift()!, 'ok')
      }
      for (const { weight, requests } of pool.backends)
        expect(requests / claims / (weight / sum(shares))).toBeWithin(0.8, 1.25)
    }),
  )
})
