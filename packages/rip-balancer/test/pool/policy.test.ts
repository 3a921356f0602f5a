import { expect, test } from 'bun:test'
import { stickyId } from '../../src/exchange/affinity.ts'
import { Member } from '../../src/pool/member.ts'
import { createPolicy } from '../../src/pool/policy.ts'
import { member } from './fixtures.ts'

const members = (weights: Readonly<Record<string, number>>): Member[] =>
  Object.entries(weights).map(
    ([id, weight]) => new Member(member(id, { weight, maxInFlight: 1_000 }), undefined),
  )

const anyone = (): boolean => true
const noKey = (): undefined => undefined

test('least-requests takes the least busy for its weight, and goes round among equals', () => {
  const policy = createPolicy('least-requests', Math.random)
  const [a, b, c] = members({ a: 1, b: 1, c: 2 }) as [Member, Member, Member]
  a.inFlight = 2
  b.inFlight = 1
  c.inFlight = 4
  expect(policy.choose([a, b, c], anyone, noKey)).toBe(b)
  a.inFlight = b.inFlight = c.inFlight = 0
  const chosen = Array.from({ length: 3 }, () => policy.choose([a, b, c], anyone, noKey)!.id)
  expect(chosen.toSorted()).toEqual(['a', 'b', 'c'])
})

test('p2c takes the less busy of two and never an ineligible one', () => {
  let draw = 0
  const policy = createPolicy('p2c', () => (draw = (draw + 0.37) % 1))
  const all = members({ a: 1, b: 1, c: 1 }) as [Member, Member, Member]
  all[0].inFlight = 50
  for (let n = 0; n < 100; n++) {
    const chosen = policy.choose(all, (each) => each.id !== 'b', noKey)
    expect(chosen?.id).toBe('c')
  }
})

test('weighted spreads by weight, smoothly', () => {
  const policy = createPolicy('weighted', Math.random)
  const all = members({ a: 5, b: 1, c: 1 })
  expect(Array.from({ length: 7 }, () => policy.choose(all, anyone, noKey)!.id).join('')).toBe('aabacaa')
})

test('hash keeps keys in place when a member leaves, and only moves the keys of that member', () => {
  const policy = createPolicy('hash', Math.random)
  const all = members({ a: 1, b: 1, c: 1, d: 1 })
  const of = (among: readonly Member[], key: string): string => policy.choose(among, anyone, () => key)!.id
  const keys = Array.from({ length: 2_000 }, (_, n) => `key-${n}`)
  const before = keys.map((key) => of(all, key))
  const without = all.filter(({ id }) => id !== 'c')
  keys.forEach((key, n) => {
    if (before[n] !== 'c') expect(of(without, key)).toBe(before[n]!)
  })
  for (const { id } of all) expect(before.filter((each) => each === id).length).toBeWithin(400, 600)
})

test('hash spills over when a backend is far busier than the others', () => {
  const policy = createPolicy('hash', Math.random)
  const all = members({ a: 1, b: 1 }) as [Member, Member]
  const home = policy.choose(all, anyone, () => 'k')!
  home.inFlight = 10
  expect(policy.choose(all, anyone, () => 'k')).not.toBe(home)
})

test('sticky stays with the backend the cookie names, and goes round without one', () => {
  const policy = createPolicy('sticky', Math.random)
  const all = members({ a: 1, b: 1, c: 1 })
  const key = (): string => stickyId('b')
  expect([1, 2, 3].map(() => policy.choose(all, anyone, key)!.id).join('')).toBe('bbb')
  expect([1, 2, 3].map(() => policy.choose(all, anyone, noKey)!.id).join('')).toBe('abc')
  expect(policy.choose(all, ({ id }) => id !== 'b', key)!.id).toBe('a')
})
