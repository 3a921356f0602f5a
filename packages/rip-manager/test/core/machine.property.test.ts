import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { playEpisode } from './episode.ts'

/** Number of episodes; `RIP_EPISODES` sets another. */
const EPISODES = Number(process.env['RIP_EPISODES'] ?? 500)
const MIN_STEPS = 100
const MAX_STEPS = 400

/**
 * Episodes that once failed: a candidate that left while its content was being built again; an observation that ended
 * with more old generations than allowed.
 */
const FOUND: readonly [number, number][] = [
  [945345560, 322],
  [1840344810, 155],
]

test(
  'with any inputs in any order the invariants hold, and the fleet ends in the wanted state',
  () => {
    let total = 0
    const episode = fc.property(fc.nat(), fc.integer({ min: MIN_STEPS, max: MAX_STEPS }), (seed, steps) => {
      total += steps
      playEpisode(seed, steps)
    })
    fc.assert(episode, { numRuns: EPISODES, examples: [...FOUND], ...seedOf(process.env['RIP_SEED']) })
    expect(total).toBeGreaterThan(EPISODES * 200)
  },
  EPISODES * 240,
)

/** The seed of a run that failed: `RIP_SEED` repeats it. */
function seedOf(text: string | undefined): { readonly seed?: number } {
  return text === undefined ? {} : { seed: Number(text) }
}
