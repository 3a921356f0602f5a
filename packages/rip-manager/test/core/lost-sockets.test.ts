import { describe, expect, test } from 'bun:test'
import type { Builder } from '../../src/contract/ports.ts'
import { type Rig, startedRig } from './rig.ts'

const loseAll = (rig: Rig): void => {
  for (const { socket } of rig.manager.status.workers) rig.lostSockets.add(socket)
}

describe('when the run directory is removed', () => {
  test('every worker is replaced, one after the other, with one warning', async () => {
    await using rig = await startedRig()
    loseAll(rig)
    await rig.clock.advance(1_000)
    expect(rig.processes.alive).toHaveLength(3)
    await rig.clock.advance(10_000)
    expect(rig.routed()).toEqual(['w1.2', 'w2.2'])
    expect(rig.manager.status).toMatchObject({ health: 'ok', readyWorkers: 2 })
    const warnings = rig.events.filter(({ type }) => type === 'warning')
    expect(warnings).toMatchObject([{ message: expect.stringContaining('worker 1, 2') }])
    const reason = rig.events.flatMap((event) => (event.type === 'worker-exited' ? [event.reason] : []))
    expect(reason).toEqual([
      { kind: 'recycled', reason: 'socket-lost' },
      { kind: 'recycled', reason: 'socket-lost' },
    ])
  })

  test('the snapshot is made again first, if the files are still the same', async () => {
    const built: string[] = []
    const builder: Builder = {
      async build({ generation }) {
        built.push(generation)
        return { ok: true, snapshot: { generation, folder: '/nowhere/snapshot' } }
      },
    }
    await using rig = await startedRig({ builder })
    loseAll(rig)
    await rig.clock.advance(10_000)
    expect(built).toEqual([rig.files.generation, rig.files.generation])
    expect(rig.routed()).toEqual(['w1.2', 'w2.2'])
  })

  test('otherwise the workers go on serving, and a warning advises a reload', async () => {
    const builder: Builder = {
      build: async ({ generation }) => ({ ok: true, snapshot: { generation, folder: '/nowhere/snapshot' } }),
    }
    await using rig = await startedRig({ builder, watcher: undefined })
    rig.files.write('app.ts', 'v2')
    loseAll(rig)
    await rig.clock.advance(3_000)
    expect(rig.routed()).toEqual(['w1.1', 'w2.1'])
    expect(rig.events).toContainEqual(
      expect.objectContaining({ type: 'warning', message: expect.stringContaining('reload soon') }),
    )
    await rig.during(rig.manager.reload())
    expect(rig.routed()).toEqual(['w1.2', 'w2.2'])
  })
})
