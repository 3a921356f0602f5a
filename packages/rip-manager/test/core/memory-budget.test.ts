import { describe, expect, test } from 'bun:test'
import type { ManagerOptions } from '../../src/contract/options.ts'
import { type Rig, startedRig } from './rig.ts'

const MIB = 2 ** 20

/** The figures of the control group, which the tests change. */
interface Limit {
  usedMib: number
}

const FRESH_MIB = 100

async function rigIn(limit: Limit, options: Partial<ManagerOptions> = {}): Promise<Rig> {
  const rig = await startedRig({
    workers: 3,
    recycle: { budgetShare: 0.9 },
    memory: () => ({
      availableBytes: (1_000 - limit.usedMib) * MIB,
      limit: { bytes: 1_000 * MIB, usedBytes: limit.usedMib * MIB },
    }),
    ...options,
  })
  for (const process of rig.processes.alive) process.vitals({ rssBytes: FRESH_MIB * MIB })
  await rig.clock.advance(2_000)
  rig.processes.behave({ rssBytes: FRESH_MIB * MIB })
  return rig
}

/** Sets the resident memory of each worker, by slot. */
function grow(rig: Rig, ...mib: readonly number[]): void {
  for (const process of rig.processes.alive) process.vitals({ rssBytes: (mib[process.slot - 1] ?? 0) * MIB })
}

function recycled(rig: Rig): readonly number[] {
  return rig.events.flatMap((event) => {
    const isOurs = event.type === 'worker-exited' && event.reason.kind === 'recycled'
    return isOurs && event.reason.reason === 'memory-budget' ? [event.slot] : []
  })
}

function warnings(rig: Rig): readonly string[] {
  return rig.events.flatMap((event) => (event.type === 'warning' ? [event.message] : []))
}

describe('when the memory of the control group is nearly used up', () => {
  test('the largest worker is replaced first, one at a time, and capacity never falls', async () => {
    const limit = { usedMib: 500 }
    await using rig = await rigIn(limit)
    grow(rig, 200, 300, 400)
    limit.usedMib = 901
    let fewest = 3
    for (let turn = 0; turn < 100; turn += 1) {
      await rig.clock.advance(100)
      fewest = Math.min(fewest, rig.routed().length)
    }
    expect([recycled(rig), fewest]).toEqual([[3], 3])
    expect(warnings(rig)).toEqual([
      '901 of 1000 MiB of memory are used: worker 3, the largest with 400 MiB, is replaced',
    ])
    await rig.clock.advance(60_000)
    expect(recycled(rig)).toEqual([3, 2])
    limit.usedMib = 900
    await rig.clock.advance(180_000)
    expect(recycled(rig)).toEqual([3, 2])
  })

  test('a spike replaces no worker', async () => {
    const limit = { usedMib: 500 }
    await using rig = await rigIn(limit)
    grow(rig, 200, 300, 400)
    for (let spike = 0; spike < 10; spike += 1) {
      limit.usedMib = 990
      await rig.clock.advance(1_500)
      limit.usedMib = 500
      await rig.clock.advance(1_500)
    }
    expect(recycled(rig)).toEqual([])
  })

  test('workers that have not grown are left alone, with one warning', async () => {
    const limit = { usedMib: 950 }
    await using rig = await rigIn(limit)
    grow(rig, 100, 110, 124)
    await rig.clock.advance(300_000)
    expect([recycled(rig), rig.processes.all.length]).toEqual([[], 3])
    expect(warnings(rig)).toEqual([
      '950 of 1000 MiB of memory are used: no worker has grown since it started, so that replacing one would not help',
    ])
  })

  test('the generation on standby ends first', async () => {
    const limit = { usedMib: 500 }
    const observer = { read: async () => ({ requests: 100, errors: 0 }) }
    await using rig = await rigIn(limit, { observe: { observer, windowMs: 600_000 } })
    rig.files.writeUnseen('app.ts', 'v2')
    await rig.during(rig.manager.reload())
    await rig.clock.advance(2_000)
    grow(rig, 200, 300, 400)
    limit.usedMib = 950
    await rig.clock.advance(4_000)
    expect(rig.processes.alive.map(({ generation }) => generation)).toEqual(
      Array(3).fill(rig.files.generation),
    )
    expect(warnings(rig)).toEqual([
      '950 of 1000 MiB of memory are used: the previous generation no longer stands by for a rollback',
    ])
    await rig.clock.advance(5_000)
    expect(recycled(rig)).toEqual([3])
  })

  test.each([
    ['without a limit', { memory: () => ({ availableBytes: MIB }) }],
    ['where nobody knows', { memory: () => undefined }],
    ['when it is off', { recycle: {} }],
  ])('nothing is done %s', async (_, options) => {
    await using rig = await rigIn({ usedMib: 999 }, options)
    grow(rig, 200, 300, 400)
    await rig.clock.advance(120_000)
    expect([rig.processes.all.length, warnings(rig)]).toEqual([3, []])
  })
})
