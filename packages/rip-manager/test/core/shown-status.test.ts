import { describe, expect, test } from 'bun:test'
import { startedRig } from './rig.ts'

describe('the status', () => {
  test('shows a silent worker as late from its second missing beacon on', async () => {
    await using rig = await startedRig()
    const lags = (): number[] => rig.manager.status.workers.map(({ loopLagMs }) => loopLagMs)
    await rig.clock.advance(3_500)
    expect(lags()).toEqual([0, 0])
    rig.processes.alive[0]!.freeze()
    await rig.clock.advance(2_500)
    expect(lags()[0]).toBeGreaterThanOrEqual(2_000)
    expect(lags()[1]).toBe(0)
    await rig.clock.advance(2_500)
    expect(rig.manager.status.healthReasons).toEqual([
      expect.stringMatching(/^worker 1 has blocked its event loop for [45]\.\d s$/),
    ])
  })

  test('has no crashes if there were none, and forgets old ones', async () => {
    await using rig = await startedRig()
    expect(rig.manager.status.crashes).toBeNull()
    rig.processes.alive[0]!.crash({ code: 3 })
    await rig.clock.advance(10)
    expect(rig.manager.status.crashes).toMatchObject({ count: 1, slot: 1, nextStartAtMs: null })
    await rig.clock.advance(180_000)
    expect(rig.manager.status.crashes).toBeNull()
  })

  test('of a crash loop has the last exit, the number of crashes and the time of the next start', async () => {
    await using rig = await startedRig({ workers: 1, random: () => 0.9 })
    for (let tick = 0; tick < 1_000 && rig.manager.status.health !== 'crash-loop'; tick += 1) {
      for (const process of rig.processes.alive) process.crash({ code: 7 })
      await rig.clock.advance(50)
    }
    const { health, healthReasons, crashes } = rig.manager.status
    expect([health, healthReasons]).toEqual(['crash-loop', ['0 of 1 workers are ready']])
    expect(crashes).toMatchObject({ slot: 1, reason: { kind: 'crashed', code: 7 } })
    expect(crashes!.count).toBeGreaterThan(3)
    expect(crashes!.nextStartAtMs!).toBeGreaterThan(rig.clock.wallMs())
    await rig.clock.advance(crashes!.nextStartAtMs! - rig.clock.wallMs() + 1)
    expect(rig.processes.alive).toHaveLength(1)
  })

  test('of a crash is not taken from a worker that left on command', async () => {
    await using rig = await startedRig()
    await rig.during(rig.manager.restart())
    expect(rig.manager.status.crashes).toBeNull()
  })
})
