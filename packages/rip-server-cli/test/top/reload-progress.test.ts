import { describe, expect, test } from 'bun:test'
import type { ManagerEvent, ManagerEventBody } from '@rip/manager'
import { reloadProgress } from '../../src/top/reload-progress.ts'
import { status, WALL_MS, worker } from './sample.ts'

const [OLD, NEW] = ['aaaaaaaaaa', 'bbbbbbbbbb']

function events(...bodies: ManagerEventBody[]): ManagerEvent[] {
  return bodies.map((body, at) => ({ seq: at + 1, atMs: WALL_MS, ...body }))
}

const building: ManagerEventBody = { type: 'generation-building', generation: NEW, reason: 'changed' }
const cut: ManagerEventBody = { type: 'generation-cut', generation: NEW, previous: OLD, tookMs: 84 }

describe('a reload', () => {
  test('goes on from building over each worker that is ready to the cut', () => {
    const old = [worker(1), worker(2)]
    const at = (...states: ('starting' | 'standby')[]): [string, number] => {
      const fresh = states.map((state, n) => worker(n + 1, { incarnation: 2, state, generation: NEW }))
      const { text, share } = reloadProgress(
        events(building),
        status({ workers: [...old, ...fresh] }),
        WALL_MS + 1_500,
      )!
      return [text, share]
    }
    expect(at()).toEqual(['bbbbbbb reading and building, 1.5 s', 0.125])
    expect(at('starting')).toEqual(['bbbbbbb 0 of 2 workers are ready, 1.5 s', 0.25])
    expect(at('standby', 'starting')).toEqual(['bbbbbbb 1 of 2 workers are ready, 1.5 s', 0.5])
    expect(at('standby', 'standby')).toEqual(['bbbbbbb 2 of 2 workers are ready, 1.5 s', 0.75])
  })

  test('is over when the workers before have finished, which is told for a while', () => {
    const draining = worker(1, { state: 'draining', inFlight: 4 })
    const fresh = worker(1, { incarnation: 2, generation: NEW })
    const now = (workers: object[], agoMs: number): unknown =>
      reloadProgress(
        events(building, cut),
        status({ generation: NEW, workers: workers as never }),
        WALL_MS + agoMs,
      )
    expect(now([fresh, draining], 900)).toMatchObject({
      state: 'under way',
      text: 'bbbbbbb serves; 1 worker before finishes 4 in flight, 900 ms',
    })
    expect(now([fresh], 900)).toMatchObject({ state: 'done', text: 'aaaaaaa → bbbbbbb in 84 ms' })
    expect(now([fresh], 60_000)).toBeUndefined()
  })

  test('that is refused says why', () => {
    const refusal = {
      code: 'build-failed',
      generation: NEW,
      message: 'no such module',
      atMs: WALL_MS,
    } as const
    const all = events(building, { type: 'generation-refused', refusal })
    expect(reloadProgress(all, status(), WALL_MS + 1_000)).toMatchObject({
      state: 'refused',
      text: 'bbbbbbb refused: no such module',
    })
  })

  test('does not exist after a start or without a change', () => {
    const start: ManagerEventBody = { type: 'generation-cut', generation: OLD, previous: null, tookMs: 9 }
    expect(reloadProgress(events(start), status(), WALL_MS)).toBeUndefined()
    const same: ManagerEventBody = { type: 'generation-unchanged', generation: OLD }
    expect(reloadProgress(events(building, same), status(), WALL_MS)).toBeUndefined()
    expect(reloadProgress([], status(), WALL_MS)).toBeUndefined()
  })
})
