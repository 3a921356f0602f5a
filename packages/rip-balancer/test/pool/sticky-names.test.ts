import { expect, test } from 'bun:test'
import { createSecureContext } from 'node:tls'
import { PooledBackend } from '../../src/pool/pooled-backend.ts'
import { StickyNames } from '../../src/pool/sticky-names.ts'
import { member } from './fixtures.ts'

const [a, b] = ['a', 'b'].map((id) => new PooledBackend(member(id), undefined)) as [
  PooledBackend,
  PooledBackend,
]

test('a name is the same in every process that has the key, and is another for another backend', () => {
  expect(new StickyNames('a key').of(a)).toBe(new StickyNames('a key').of(a))
  expect(new StickyNames('a key').of(a)).not.toBe(new StickyNames('a key').of(b))
})

test('without the key a name does not tell which backend it stands for', () => {
  expect(
    new Set([new StickyNames().of(a), new StickyNames().of(a), new StickyNames('a key').of(a)]).size,
  ).toBe(3)
})

test('backends keep their names although a certificate cannot be read', () => {
  const name = new StickyNames('a key').of(a)
  expect(() => createSecureContext({ cert: 'not one', key: 'neither' })).toThrow()
  expect(new StickyNames('a key').of(a)).toBe(name)
})
