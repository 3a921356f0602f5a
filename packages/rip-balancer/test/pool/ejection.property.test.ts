import { expect, test } from 'bun:test'
import fc from 'fast-check'
import type { Backend } from '../../src/upstream/backend.ts'
import type { BackendAddress } from '../../src/address/backend-address.ts'
import type { Outcome } from '../../src/pool/claim.ts'
import { addressText } from '../../src/address/backend-address.ts'
import { POLICIES } from '../../src/pool/policy.ts'
import { Pool } from '../../src/pool/pool.ts'
import { FakeClock, TestClaimant, member } from './fixtures.ts'

const DURATION_MS = 120_000
const EVERY_MS = 10
/** Number of failures that put a backend aside once it has turned bad, if requests come one after the other. */
const FAILURES_PER_ONSET = 1
/** Earliest time after which a request that cannot be sent again tries a backend that answers no questions. */
const TRIAL_EVERY_MS = 25_000

/** How a backend fails from some moment on, for some time; otherwise it answers. */
interface Trouble {
  readonly outcome: Outcome
  readonly fromMs: number
  readonly untilMs: number
}

const trouble: fc.Arbitrary<Trouble> = fc
  .record({
    outcome: fc.constantFrom<Outcome>('connect-failed', 'reset', 'response-timeout', 'bad-response'),
    fromMs: fc.nat(100_000),
    forMs: fc.integer({ min: 1, max: 60_000 }),
  })
  .map(({ outcome, fromMs, forMs }) => ({ outcome, fromMs, untilMs: fromMs + forMs }))

/**
 * Two of four backends have no other trouble than refused connections, because only half may be put aside on suspicion.
 */
const backends = fc.tuple(
  fc.array(trouble, { maxLength: 4 }),
  fc.array(trouble, { maxLength: 4 }),
  fc.array(
    trouble.map((each): Trouble => ({ ...each, outcome: 'connect-failed' })),
    { maxLength: 4 },
  ),
  fc.constant<Trouble[]>([]),
)

/** Requests that cannot be sent again, one at a time, over two minutes. @returns how many failed */
async function failuresOf(pool: Pool, clock: FakeClock, outcomeOf: (id: string) => Outcome): Promise<number> {
  let failures = 0
  for (let atMs = 0; atMs < DURATION_MS; atMs += EVERY_MS) {
    if (!request(pool, outcomeOf)) failures++
    clock.advance(EVERY_MS)
    await Promise.resolve()
  }
  return failures
}

function request(pool: Pool, outcomeOf: (id: string) => Outcome): boolean {
  const claimant = new TestClaimant('key')
  claimant.isRepeatable = false
  const tried: Backend[] = []
  for (;;) {
    const backend = pool.claim(claimant, tried)
    if (typeof backend === 'string') return false
    const outcome = outcomeOf(backend.id)
    pool.release(backend, outcome, backend.onTrial)
    if (outcome === 'ok') return true
    if (outcome !== 'connect-failed') return false
    tried.push(backend)
  }
}

for (const policy of POLICIES) {
  test(`${policy}: no more requests fail than for a client that knows all states and tries once per interval, plus one for each time a backend turns bad`, async () => {
    await fc.assert(
      fc.asyncProperty(backends, async (troubles) => {
        const clock = new FakeClock()
        const startMs = clock.nowMs()
        const outcomeOf = (id: string): Outcome => {
          const nowMs = clock.nowMs() - startMs
          return (
            troubles[Number(id)]!.find((each) => each.fromMs <= nowMs && nowMs < each.untilMs)?.outcome ??
            'ok'
          )
        }
        const outcomeAt = (address: BackendAddress): Outcome =>
          outcomeOf(/(\d)\.sock$/.exec(addressText(address))?.[1] ?? '')
        const pool = new Pool({
          policy,
          clock,
          reach: (address) => Promise.resolve({ reached: outcomeAt(address) !== 'connect-failed' }),
          ask: (address) => Promise.resolve({ reached: outcomeAt(address) === 'ok' }),
        })
        pool.prepare(
          undefined,
          troubles.map((_, index) => member(String(index), { maxInFlight: 10 })),
        )
        const all = troubles.flat().filter(({ outcome }) => outcome !== 'connect-failed')
        const troubledMs = all.reduce((sum, { fromMs, untilMs }) => sum + untilMs - fromMs, 0)
        const bound = FAILURES_PER_ONSET * all.length + Math.ceil(troubledMs / TRIAL_EVERY_MS)
        expect(await failuresOf(pool, clock, outcomeOf)).toBeLessThanOrEqual(bound)
      }),
      { numRuns: 20 },
    )
  }, 30_000)
}
