import { expect, test } from 'bun:test'
import { assertInvariants } from '../../src/testing.ts'
import { startedRig } from './rig.ts'

test('the invariants hold while a manager reloads, scales and loses workers', async () => {
  await using rig = await startedRig({ workers: 3 })
  rig.files.write('app.ts', 'v2')
  const scaled = rig.manager.scale(4)
  for (let step = 0; step < 60; step += 1) {
    if (step % 20 === 10) rig.processes.alive[0]!.crash({ code: 1 })
    await rig.clock.advance(20)
    assertInvariants(rig.manager)
  }
  await rig.during(scaled)
})

test('a process that is counted twice breaks an invariant', async () => {
  await using rig = await startedRig()
  const { status } = rig.manager
  const doubled = {
    status: { ...status, workers: [...status.workers, ...status.workers] },
  }
  expect(() => assertInvariants(doubled)).toThrow('is used twice')
})
