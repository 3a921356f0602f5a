import { expect, test } from 'bun:test'
import fc from 'fast-check'
import type { Backend } from '../../src/upstream/backend.ts'
import type { LongLived } from '../../src/pool/claim.ts'
import type { PooledBackend } from '../../src/pool/pooled-backend.ts'
import { Pool } from '../../src/pool/pool.ts'
import { POLICIES } from '../../src/pool/policy.ts'
import { FakeClock, TestClaimant, member } from './fixtures.ts'

const QUEUE_LENGTH = 4
const QUEUE_TIMEOUT_MS = 100
const WEIGHTS: Readonly<Record<string, number>> = { a: 1, b: 40, c: 1, d: 0.5 }
const MAX_LONG_LIVED = 3

/** A pool, all claimants, and the conditions that must hold after each step. */
class Model {
  readonly clock = new FakeClock()
  readonly pool: Pool
  readonly claimants: TestClaimant[] = []
  readonly waiting = new Set<TestClaimant>()
  readonly held: Backend[] = []
  /** Tunnels and event streams. */
  readonly lasting: { readonly backend: Backend; readonly kind: LongLived }[] = []
  private readonly slowStartMs: number
  refusals = 0

  constructor(policy: (typeof POLICIES)[number], seed: number, slowStartMs: number) {
    this.slowStartMs = slowStartMs
    let state = seed
    const random = (): number => (state = (state * 16807 + 1) % 2147483647) / 2147483647
    this.pool = new Pool({
      name: 'app',
      policy,
      random,
      clock: this.clock,
      queueLength: QUEUE_LENGTH,
      queueTimeoutMs: QUEUE_TIMEOUT_MS,
      waitForBackends: true,
      slowStartMs,
      reach: () => Promise.resolve({ reached: state % 2 === 0 }),
      ask: () => Promise.resolve({ reached: state % 2 === 0 }),
      ejection: { after: 1, minMs: 50, maxMs: 400 },
      maxLongLivedPerBackend: MAX_LONG_LIVED,
    })
  }

  claim(key: number, asksForTunnel: boolean): void {
    const claimant = new TestClaimant(`k${key}`, asksForTunnel)
    this.claimants.push(claimant)
    const result = this.pool.claim(claimant)
    if (typeof result !== 'string') this.held.push(result)
    else if (result === 'queued') this.waiting.add(claimant)
    else if (result === 'long-lived-backend')
      expect(this.pool.backends.some((each) => !this.pool.hasRoom(each))).toBe(true)
    this.collect()
  }

  /** Turns a claimed request into a tunnel or an event stream, if there is room for it. */
  hold(at: number, kind: LongLived): void {
    const backend = this.held[at % Math.max(1, this.held.length)]
    if (backend === undefined || !this.pool.hasRoom(backend)) return
    this.held.splice(this.held.indexOf(backend), 1)
    this.lasting.push({ backend, kind })
    this.pool.hold(backend, kind)
    this.collect()
  }

  letGo(at: number, failed: boolean): void {
    const [one] = this.lasting.splice(at % Math.max(1, this.lasting.length), 1)
    if (one !== undefined) this.pool.letGo(one.backend, one.kind, failed ? 'reset' : 'ok')
    this.collect()
  }

  release(at: number, failed: boolean): void {
    const [backend] = this.held.splice(at % Math.max(1, this.held.length), 1)
    if (backend !== undefined) this.pool.release(backend, failed ? 'connect-failed' : 'ok')
    this.collect()
  }

  withdraw(at: number): void {
    const claimant = [...this.waiting][at % Math.max(1, this.waiting.size)]
    if (claimant === undefined) return
    this.pool.withdraw(claimant)
    this.waiting.delete(claimant)
  }

  setHealth(at: number, healthy: boolean): void {
    const member = this.pool.backends[at % Math.max(1, this.pool.backends.length)]
    if (member !== undefined) this.pool.setHealth(member, healthy)
    this.collect()
  }

  /** Declares a generation that does not serve, or drains one. */
  aside(generation: string, names: readonly string[], drain: boolean): void {
    if (generation === this.pool.generation) return
    this.pool.prepare(
      generation,
      names.map((id) => member(`${generation}.${id}`, { maxInFlight: 2, weight: WEIGHTS[id] ?? 1 })),
    )
    if (drain) void this.pool.drain(generation, new AbortController().signal)
    this.collect()
  }

  /** At the end every claimant has an answer, and every slot is free again. */
  finish(): void {
    this.pool.close()
    this.collect()
    expect(this.waiting.size).toBe(0)
    for (const backend of this.held.splice(0)) this.pool.release(backend, 'ok')
    for (const { backend, kind } of this.lasting.splice(0)) this.pool.letGo(backend, kind, 'ok')
    const { tunnels, eventStreams } = this.pool.status()
    expect([tunnels, eventStreams]).toEqual([0, 0])
    expect([this.pool.inFlight, this.pool.queued]).toEqual([0, 0])
    expect(this.pool.status().backends.filter(({ state }) => state === 'leaving')).toEqual([])
  }

  /** Records the claimants that were answered since the last step. */
  collect(): void {
    const order = [...this.waiting]
    const told = order.filter((each) => each.told.length > 0)
    // First come, first served: all who were answered stood before all who still wait.
    expect(told).toEqual(order.slice(0, told.length))
    for (const claimant of told) {
      this.waiting.delete(claimant)
      const [answer] = claimant.told
      if (typeof answer === 'object') this.held.push(answer)
      else this.refusals++
    }
  }

  assertInvariants(): void {
    for (const claimant of this.claimants) expect(claimant.told.length).toBeLessThanOrEqual(1)
    expect(this.pool.queued).toBe(this.waiting.size)
    expect(this.pool.queued).toBeLessThanOrEqual(QUEUE_LENGTH)
    expect(this.pool.inFlight).toBe(this.held.length)
    for (const each of this.pool.backends) {
      expect(each.inFlight).toBe(this.held.filter((backend) => backend === each).length)
      expect(each.inFlight).toBeLessThanOrEqual(each.maxInFlight)
      for (const kind of ['tunnel', 'event-stream'] as const)
        expect(each.held[kind]).toBe(
          this.lasting.filter((one) => one.backend === each && one.kind === kind).length,
        )
      expect(each.longLived).toBeLessThanOrEqual(MAX_LONG_LIVED)
    }
    const left = this.pool.status().backends.filter(({ state }) => state === 'leaving')
    for (const { inFlight, tunnels, eventStreams } of left)
      expect(inFlight + tunnels + eventStreams).toBeGreaterThan(0)
    if (this.waiting.size > 0) expect(this.pool.backends.filter((each) => this.isFree(each))).toEqual([])
  }

  /** During a slow start, every member takes one request from the beginning. */
  private isFree(each: PooledBackend): boolean {
    const capacity = this.slowStartMs > 0 ? 1 : each.maxInFlight
    return each.healthy && each.ejection === undefined && each.inFlight < capacity
  }
}

type Step = (model: Model) => void

const ids = fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 4 })

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.tuple(fc.nat(5), fc.boolean()).map(
      ([key, asksForTunnel]): Step =>
        (model) =>
          model.claim(key, asksForTunnel),
    ),
  },
  {
    weight: 3,
    arbitrary: fc.tuple(fc.nat(20), fc.constantFrom<LongLived>('tunnel', 'event-stream')).map(
      ([at, kind]): Step =>
        (model) =>
          model.hold(at, kind),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(fc.nat(20), fc.boolean()).map(
      ([at, failed]): Step =>
        (model) =>
          model.letGo(at, failed),
    ),
  },
  {
    weight: 4,
    arbitrary: fc.tuple(fc.nat(20), fc.boolean()).map(
      ([at, failed]): Step =>
        (model) =>
          model.release(at, failed && at % 3 === 0),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.nat(10).map(
      (at): Step =>
        (model) =>
          model.withdraw(at),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.nat(150).map((byMs): Step => (model) => {
      model.clock.advance(byMs)
      model.collect()
    }),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(fc.nat(3), fc.boolean()).map(
      ([at, healthy]): Step =>
        (model) =>
          model.setHealth(at, healthy),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(fc.constantFrom('g1', 'g2'), ids, fc.boolean()).map(
      ([generation, names, drain]): Step =>
        (model) =>
          model.aside(generation, names, drain),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(fc.constantFrom('g1', 'g2'), ids).map(([generation, names]): Step => (model) => {
      // New ids for each incarnation, as a manager names them: the capacity of a known member never shrinks.
      model.pool.prepare(
        generation,
        names.map((id) => member(`${generation}.${id}`, { maxInFlight: 2, weight: WEIGHTS[id] ?? 1 })),
      )
      model.pool.cut(generation)
      model.collect()
    }),
  },
)

for (const policy of POLICIES) {
  test(`${policy}: with any events no request is lost, none is served twice, none waits while a slot is free`, () => {
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 60 }),
        fc.nat(1_000),
        fc.constantFrom(0, 0, 200),
        (steps, seed, slowStartMs) => {
          const model = new Model(policy, seed, slowStartMs)
          for (const act of steps) {
            act(model)
            model.assertInvariants()
          }
          model.finish()
        },
      ),
      { numRuns: 200 },
    )
  })
}
