import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { editDistance, suggestion } from '../../src/text/suggestion.ts'

const word = fc.string({ maxLength: 8, unit: fc.constantFrom('a', 'b', 'c') })

describe('the distance between two words', () => {
  test('counts letters inserted, deleted, substituted and swapped', () => {
    expect(editDistance('port', 'port')).toBe(0)
    expect(editDistance('prot', 'port')).toBe(1)
    expect(editDistance('por', 'port')).toBe(1)
    expect(editDistance('pport', 'port')).toBe(1)
    expect(editDistance('pont', 'port')).toBe(1)
  })

  test('is symmetric, zero only for equal words, and never beyond the longer word', () => {
    fc.assert(
      fc.property(word, word, (a, b) => {
        const distance = editDistance(a, b)
        expect(distance).toBe(editDistance(b, a))
        expect(distance === 0).toBe(a === b)
        expect(distance).toBeLessThanOrEqual(Math.max(a.length, b.length))
      }),
    )
  })
})

test('only close words are suggested', () => {
  expect(suggestion('statsu', ['start', 'status', 'stop'])).toBe('status')
  expect(suggestion('frobnicate', ['start', 'status', 'stop'])).toBeUndefined()
})
