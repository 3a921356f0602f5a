import { describe, expect, test } from 'bun:test'
import { startedRig } from './rig.ts'

/** A program without control messages; its socket accepts at once. */
const plain = { command: { argv: ['server'], speaksProtocol: false }, probe: async () => {} } as const

describe('a program without control messages', () => {
  test('is ready when its socket accepts a connection', async () => {
    await using rig = await startedRig(plain)
    expect(rig.manager.status.readyWorkers).toBe(2)
    expect(rig.processes.last().spec.env['RIP_CONTROL']).toBeUndefined()
  })

  test('is not replaced for sending no beacons', async () => {
    await using rig = await startedRig(plain)
    await rig.clock.advance(600_000)
    expect(rig.processes.all).toHaveLength(2)
  })

  test('is asked to leave by TERM, after the router has finished with it', async () => {
    await using rig = await startedRig(plain)
    const [old] = rig.processes.alive
    rig.router.keepDraining(true)
    rig.files.write('app.ts', 'v2')
    await rig.clock.advance(5_000)
    expect(old!.signals).toEqual([])
    rig.router.keepDraining(false)
    await rig.clock.advance(1_000)
    expect(old!.signals).toEqual(['SIGTERM'])
    expect(rig.events.find((event) => event.type === 'worker-exited')).toMatchObject({
      reason: { kind: 'drained' },
    })
  })

  test('has the whole drain timeout to end in a stop, and no longer', async () => {
    const rig = await startedRig({ ...plain, drainTimeoutMs: 20_000 })
    const programs = [...rig.processes.alive]
    for (const program of programs) program.freeze()
    const closing = rig.manager.close()
    await rig.clock.advance(100)
    expect(programs.map(({ signals }) => signals)).toEqual([['SIGTERM'], ['SIGTERM']])
    await rig.clock.advance(19_800)
    expect(rig.processes.alive).toEqual(programs)
    await rig.clock.advance(200)
    expect(programs.map(({ signals }) => signals)).toEqual([
      ['SIGTERM', 'SIGKILL'],
      ['SIGTERM', 'SIGKILL'],
    ])
    await rig.during(closing)
  })

  test('has it as well when it is surplus', async () => {
    await using rig = await startedRig({ ...plain, drainTimeoutMs: 20_000 })
    const surplus = rig.processes.last()
    surplus.freeze()
    await rig.during(rig.manager.scale(1))
    await rig.clock.advance(19_000)
    expect(surplus.signals).toEqual(['SIGTERM'])
    await rig.clock.advance(2_000)
    expect(surplus.signals).toEqual(['SIGTERM', 'SIGKILL'])
  })
})
