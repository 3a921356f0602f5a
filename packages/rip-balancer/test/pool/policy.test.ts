import { expect, test } from 'bun:test'
import { keyHash } from '../../src/pool/key-hash.ts'
import { LearnedKeys } from '../../src/pool/learned-keys.ts'
import { PooledBackend } from '../../src/pool/pooled-backend.ts'
import { createPolicy, type ClientKeys, type Policy, type PolicyName } from '../../src/pool/policy.ts'
import { StickyNames } from '../../src/pool/sticky-names.ts'
import { member } from './fixtures.ts'

const members = (weights: Readonly<Record<string, number>>): PooledBackend[] =>
  Object.entries(weights).map(
    ([id, weight]) => new PooledBackend(member(id, { weight, maxInFlight: 1_000 }), undefined),
  )

const names = new StickyNames()
const learned = new LearnedKeys()
const policyOf = (name: PolicyName, random: () => number = Math.random): Policy =>
  createPolicy(name, { random, names, learned })

const anyone = (): boolean => true
const nobodyKnown: ClientKeys = { hashKey: undefined, stickyNames: [], learnedKey: undefined }
const hashed = (hashKey: string): ClientKeys => ({ ...nobodyKnown, hashKey })
const stuckTo = (...stickyNames: string[]): ClientKeys => ({ ...nobodyKnown, stickyNames })
const inSession = (learnedKey: string): ClientKeys => ({ ...nobodyKnown, learnedKey })

test('least-requests takes the least busy for its weight, and equals in turn', () => {
  const policy = policyOf('least-requests')
  const all = members({ a: 1, b: 1, c: 2 }) as [PooledBackend, PooledBackend, PooledBackend]
  const [a, b, c] = all
  a.inFlight = 2
  b.inFlight = 1
  c.inFlight = 4
  expect(policy.choose(all, anyone, nobodyKnown)).toBe(b)
  a.inFlight = b.inFlight = c.inFlight = 0
  const idle = [...all]
  const chosen = Array.from({ length: 4 }, () => policy.choose(idle, anyone, nobodyKnown)!.id)
  expect(chosen.toSorted()).toEqual(['a', 'b', 'c', 'c'])
})

test('least-requests tells two heavy ones apart, with any small one beside them', () => {
  const policy = policyOf('least-requests')
  const all = members({ a: 100, b: 100, canary: 1 }) as [PooledBackend, PooledBackend, PooledBackend]
  all[0].inFlight = 5
  all[1].inFlight = 3
  all[2].inFlight = 1
  for (let n = 0; n < 10; n++) expect(policy.choose(all, anyone, nobodyKnown)?.id).toBe('b')
})

test('least-requests gives no backend more than two extra turns after it was busy', () => {
  const policy = policyOf('least-requests')
  const all = members({ a: 1, b: 1 }) as [PooledBackend, PooledBackend]
  all[1].inFlight = 1
  for (let n = 0; n < 100; n++) policy.choose(all, anyone, nobodyKnown)
  all[1].inFlight = 0
  const chosen = Array.from({ length: 10 }, () => policy.choose(all, anyone, nobodyKnown)!.id)
  expect(chosen.filter((id) => id === 'b').length).toBeWithin(5, 8)
})

test('p2c takes the less busy of two and never an ineligible one', () => {
  let draw = 0
  const policy = policyOf('p2c', () => (draw = (draw + 0.37) % 1))
  const all = members({ a: 1, b: 1, c: 1 }) as [PooledBackend, PooledBackend, PooledBackend]
  all[0].inFlight = 50
  for (let n = 0; n < 100; n++) {
    const chosen = policy.choose(all, (each) => each.id !== 'b', nobodyKnown)
    expect(chosen?.id).toBe('c')
  }
})

test('p2c finds the only eligible one among very many', () => {
  const policy = policyOf('p2c')
  const all = Array.from({ length: 1_000 }, (_, n) => new PooledBackend(member(`m${n}`), undefined))
  expect(policy.choose(all, (each) => each === all[777], nobodyKnown)).toBe(all[777]!)
  expect(policy.choose(all, () => false, nobodyKnown)).toBeUndefined()
})

for (const name of ['round-robin', 'weighted'] as const) {
  test(`${name} spreads by weight, smoothly`, () => {
    const all = members({ a: 5, b: 1, c: 1 })
    const policy = policyOf(name)
    const chosen = Array.from({ length: 70 }, () => policy.choose(all, anyone, nobodyKnown)!.id)
    for (let n = 0; n < 70; n += 7)
      expect(
        chosen
          .slice(n, n + 7)
          .toSorted()
          .join(''),
      ).toBe('aaaaabc')
    expect(chosen.join('')).not.toContain('aaaa')
  })
}

test('round-robin tries every eligible backend before it gives up, also those whose turn is far away', () => {
  const policy = policyOf('round-robin')
  const all = members({ a: 1_000, b: 1_000, c: 1, d: 0.001 })
  for (let n = 0; n < 5; n++) policy.choose(all, anyone, nobodyKnown)
  for (const one of all)
    for (let n = 0; n < 3; n++) expect(policy.choose(all, (each) => each === one, nobodyKnown)).toBe(one)
  expect(policy.choose(all, () => false, nobodyKnown)).toBeUndefined()
})

test('round-robin does not make up for missed turns', () => {
  const all = members({ a: 1_000, b: 1, c: 1 })
  const policy = policyOf('round-robin')
  for (let n = 0; n < 10_000; n++) policy.choose(all, ({ id }) => id !== 'a', nobodyKnown)
  for (let n = 0; n < 10_000; n++) policy.choose(all, () => false, nobodyKnown)
  const chosen = Array.from({ length: 1_002 }, () => policy.choose(all, anyone, nobodyKnown)!.id)
  expect(chosen.filter((id) => id === 'b').length).toBeWithin(1, 3)
  expect(chosen.filter((id) => id === 'c').length).toBeWithin(1, 3)
})

test('hash keeps keys in place when a member leaves, and only moves the keys of that member', () => {
  const policy = policyOf('hash')
  const all = members({ a: 1, b: 1, c: 1, d: 1 })
  const of = (among: readonly PooledBackend[], key: string): string =>
    policy.choose(among, anyone, hashed(key))!.id
  const keys = Array.from({ length: 2_000 }, (_, n) => `key-${n}`)
  const before = keys.map((key) => of(all, key))
  const without = all.filter(({ id }) => id !== 'c')
  keys.forEach((key, n) => {
    if (before[n] !== 'c') expect(of(without, key)).toBe(before[n]!)
  })
  for (const { id } of all) expect(before.filter((each) => each === id).length).toBeWithin(400, 600)
})

test('hash moves keys only to a member that gets more weight', () => {
  const policy = policyOf('hash')
  const keys = Array.from({ length: 2_000 }, (_, n) => `key-${n}`)
  const homes = (weights: Readonly<Record<string, number>>): string[] => {
    const all = members(weights)
    return keys.map((key) => policy.choose(all, anyone, hashed(key))!.id)
  }
  const before = homes({ a: 1, b: 1, c: 2 })
  const after = homes({ a: 3, b: 1, c: 2 })
  const moved = keys.flatMap((_, n) => (before[n] === after[n] ? [] : [after[n]!]))
  expect(new Set(moved)).toEqual(new Set(['a']))
  // From a quarter to a half.
  expect(moved.length).toBeWithin(400, 600)
})

test('hash stays with a backend until that is full, and comes back', () => {
  const policy = policyOf('hash')
  const all = members({ a: 1, b: 1, c: 1 })
  const home = policy.choose(all, anyone, hashed('k'))!
  home.inFlight = 999
  expect(policy.choose(all, anyone, hashed('k'))).toBe(home)
  const second = policy.choose(all, (each) => each !== home, hashed('k'))!
  expect(policy.choose(all, (each) => each !== home, hashed('k'))).toBe(second)
  expect(policy.choose(all, anyone, hashed('k'))).toBe(home)
})

test('sticky stays with the backend the cookie names, and takes turns without one', () => {
  const policy = policyOf('sticky')
  const all = members({ a: 1, b: 1, c: 1 })
  const b = stuckTo(names.of(all[1]!))
  expect([1, 2, 3].map(() => policy.choose(all, anyone, b)!.id).join('')).toBe('bbb')
  const others = Array.from({ length: 3 }, () => policy.choose(all, anyone, nobodyKnown)!.id)
  expect(others.toSorted().join('')).toBe('abc')
  expect(policy.choose(all, ({ id }) => id !== 'b', b)!.id).not.toBe('b')
})

test('sticky finds the valid name after others that are invalid, or whose backends take nothing', () => {
  const policy = policyOf('sticky')
  const all = members({ a: 1, b: 1, c: 1 })
  const [a, , c] = all.map((each) => names.of(each))
  const client = stuckTo('', 'long-gone', a!, c!)
  for (let n = 0; n < 3; n++) expect(policy.choose(all, anyone, client)!.id).toBe('a')
  for (let n = 0; n < 3; n++) expect(policy.choose(all, ({ id }) => id !== 'a', client)!.id).toBe('c')
})

test('learn takes the backend that a value belongs to, and another in turn when that one takes nothing', () => {
  const policy = policyOf('learn')
  const all = members({ a: 1, b: 1, c: 1 }) as [PooledBackend, PooledBackend, PooledBackend]
  const [a, b] = all
  learned.learn('one', keyHash('b'))
  for (let n = 0; n < 5; n++) expect(policy.choose(all, anyone, inSession('one'))).toBe(b)
  const isNotB = (backend: PooledBackend): boolean => backend !== b
  expect(policy.choose(all, isNotB, inSession('one'))).not.toBe(b)
  expect(policy.choose([a], anyone, inSession('one'))).toBe(a)
  const strangers = all.map(() => policy.choose(all, anyone, inSession('unknown')))
  expect(new Set(strangers).size).toBe(3)
})
