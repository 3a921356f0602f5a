import { expect, test } from 'bun:test'
import { connectionsForDescriptors } from '../../src/listener/descriptor-limit.ts'

const limits = (soft: string): string =>
  `Limit                     Soft Limit           Hard Limit           Units\nMax open files            ${soft}                 4096                 files\n`

test('each client connection leaves a descriptor for one to a backend, and some remain', () => {
  expect(connectionsForDescriptors(limits('1024'))).toBe(480)
})

test('a tiny limit still allows one connection', () => {
  expect(connectionsForDescriptors(limits('20'))).toBe(1)
})

test('no limit is known where the system does not tell', () => {
  expect(connectionsForDescriptors(limits('unlimited'))).toBe(Number.POSITIVE_INFINITY)
  expect(connectionsForDescriptors('')).toBe(Number.POSITIVE_INFINITY)
})
