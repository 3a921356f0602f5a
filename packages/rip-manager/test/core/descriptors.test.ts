import { describe, expect, test } from 'bun:test'
import { type Rig, startedRig } from './rig.ts'

const MINUTE_MS = 60_000

/** Slots of workers that were replaced because they could open nothing more. */
function replaced({ events }: Rig): readonly number[] {
  return events.flatMap((event) => {
    if (event.type !== 'worker-exited' || event.reason.kind !== 'recycled') return []
    return event.reason.reason === 'descriptors' ? [event.slot] : []
  })
}

const warnings = ({ events }: Rig): readonly string[] =>
  events.flatMap((event) => (event.type === 'warning' ? [event.message] : []))

async function rigWith(freeDescriptors: number): Promise<Rig> {
  const rig = await startedRig()
  for (const process of rig.processes.alive) process.vitals({ freeDescriptors })
  await rig.clock.advance(2_000)
  return rig
}

describe('a worker without free descriptors', () => {
  test('is replaced after its first word of it, the successor first', async () => {
    await using rig = await rigWith(1_000)
    const [worker] = rig.processes.alive
    worker!.vitals({ freeDescriptors: 0 })
    let fewest = Infinity
    for (let step = 0; step < 20; step += 1) {
      await rig.clock.advance(100)
      fewest = Math.min(fewest, rig.routed().length)
    }
    expect(rig.routed().toSorted()).toEqual(['w1.2', 'w2.1'])
    expect(fewest).toBe(2)
    await rig.clock.advance(2_000)
    expect(replaced(rig)).toEqual([1])
    expect(rig.manager.status).toMatchObject({ health: 'ok', readyWorkers: 2, restarts: 0 })
  })

  test('is named in the status until it is replaced', async () => {
    await using rig = await rigWith(1_000)
    rig.processes.refuse('EAGAIN')
    rig.processes.alive[0]!.vitals({ freeDescriptors: 0 })
    await rig.clock.advance(2_000)
    expect(rig.manager.status.healthReasons).toEqual(['worker 1 has no file descriptor left'])
    expect(rig.manager.status.workers[0]).toMatchObject({ freeDescriptors: 0 })
    rig.processes.refuse(undefined)
    await rig.clock.advance(MINUTE_MS)
    expect(rig.manager.status.healthReasons).toEqual([])
  })

  test('stays while no successor can be started, which is tried twice a minute', async () => {
    await using rig = await rigWith(1_000)
    rig.processes.refuse('EMFILE')
    for (const process of rig.processes.alive) process.vitals({ freeDescriptors: 0 })
    await rig.clock.advance(MINUTE_MS)
    expect(rig.manager.status.readyWorkers).toBe(2)
    expect(warnings(rig).length).toBeGreaterThanOrEqual(2)
    expect(warnings(rig).length).toBeLessThanOrEqual(3)
    expect(warnings(rig)[0]).toContain('cannot be replaced yet')
  })

  test('is replaced once a minute if its successors use them up too, which is said once', async () => {
    await using rig = await rigWith(1_000)
    rig.processes.behave({ freeDescriptors: 0 })
    rig.processes.alive[0]!.vitals({ freeDescriptors: 0 })
    await rig.clock.advance(30_000)
    expect(replaced(rig)).toEqual([1])
    await rig.clock.advance(10 * MINUTE_MS)
    expect(replaced(rig).length).toBeGreaterThanOrEqual(9)
    expect(replaced(rig).length).toBeLessThanOrEqual(11)
    expect(warnings(rig)).toEqual([expect.stringContaining('LimitNOFILE')])
  })
})

describe('a worker that can hardly open anything more', () => {
  test('is replaced when that lasts', async () => {
    await using rig = await rigWith(1_000)
    const [worker] = rig.processes.alive
    worker!.vitals({ freeDescriptors: 9 })
    await rig.clock.advance(2_000)
    worker!.vitals({ freeDescriptors: 500 })
    await rig.clock.advance(5_000)
    expect(worker!.alive).toBe(true)
    worker!.vitals({ freeDescriptors: 9 })
    await rig.clock.advance(6_000)
    expect(replaced(rig)).toEqual([1])
  })

  test('stays if it began with few, until half of them are gone', async () => {
    await using rig = await rigWith(12)
    await rig.clock.advance(MINUTE_MS)
    expect(replaced(rig)).toEqual([])
    rig.processes.alive[1]!.vitals({ freeDescriptors: 5 })
    await rig.clock.advance(6_000)
    expect(replaced(rig)).toEqual([2])
  })
})

describe('a background process without free descriptors', () => {
  test('makes way for a fresh one, but not within its first minute', async () => {
    const background = [{ name: 'jobs', argv: ['worker', 'jobs.ts'] as [string, ...string[]] }]
    await using rig = await startedRig({ background })
    const jobs = rig.processes.all.find(({ spec }) => spec.env['RIP_BACKGROUND'] !== undefined)!
    jobs.vitals({ freeDescriptors: 0 })
    await rig.clock.advance(50_000)
    expect(jobs.active).toBe(true)
    await rig.clock.advance(20_000)
    expect(jobs.alive).toBe(false)
    expect(rig.events.find(({ type }) => type === 'background-exited')).toMatchObject({
      reason: { kind: 'recycled', reason: 'descriptors' },
    })
    expect(rig.manager.status.background).toMatchObject([{ state: 'working', restarts: 0 }])
  })
})
