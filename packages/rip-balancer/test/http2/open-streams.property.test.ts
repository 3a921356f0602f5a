import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { OpenStreams, type Identified } from '../../src/http2/open-streams.ts'

/** A new stream, with so many identifiers left out; the end of one that is open, by its place; or a moment to tidy up. */
const steps = fc.array(
  fc.oneof(
    { weight: 5, arbitrary: fc.record({ add: fc.constantFrom(0, 0, 0, 0, 1, 700) }) },
    {
      weight: 4,
      arbitrary: fc.record({ end: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }) }),
    },
    { weight: 1, arbitrary: fc.constant('tidy' as const) },
  ),
  { maxLength: 1_500, size: 'max' },
)

test('streams are found by their identifiers, however many are open and however long', () => {
  fc.assert(
    fc.property(steps, (all) => {
      const streams = new OpenStreams<Identified>()
      const model = new Map<number, Identified>()
      let next = 1
      for (const step of all) {
        if (step === 'tidy') {
          if (streams.size === 0) streams.clear()
        } else if ('add' in step) {
          next += 2 * step.add
          const stream = { id: next }
          next += 2
          expect(streams.get(stream.id)).toBeUndefined()
          streams.add(stream)
          model.set(stream.id, stream)
        } else {
          const id = [...model.keys()][Math.floor(step.end * model.size)] ?? next
          streams.remove(id)
          model.delete(id)
          expect(streams.get(id)).toBeUndefined()
        }
        expect(streams.size).toBe(model.size)
      }
      expect(streams.list()).toEqual([...model.values()])
      for (const [id, stream] of model) expect(streams.get(id)).toBe(stream)
    }),
    { numRuns: 20 },
  )
})

test('one that outlasts all others is found, and takes no room from them', () => {
  const streams = new OpenStreams<Identified>()
  const oldest = { id: 1 }
  streams.add(oldest)
  for (let id = 3; id < 40_000; id += 2) {
    streams.add({ id })
    expect(streams.get(id)?.id).toBe(id)
    streams.remove(id)
  }
  expect(streams.get(1)).toBe(oldest)
  expect(streams.list()).toEqual([oldest])
})
