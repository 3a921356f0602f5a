import { describe, expect, test } from 'bun:test'
import { memoryRoom } from '../../src/machine/surge.ts'
import type { MemoryReading } from '../../src/contract/ports.ts'
import { type Rig, startedRig } from './rig.ts'

const MIB = 2 ** 20
const WORKER_BYTES = 100 * MIB

describe('memoryRoom', () => {
  const reckoning = { pendingBytes: 0, workerBytes: 100, workers: 4 }
  test.each([
    [1_000, 8],
    [480, 4],
    [479, 3],
    [150, 1],
    [149, 0],
    [40, 0],
    [39, -1],
    [0, -1],
  ])('with %p left beside four workers of 100, each with a tenth to grow, has %p', (availableBytes, room) => {
    expect(memoryRoom({ ...reckoning, availableBytes })).toBe(room)
  })

  test('a worker that was just started counts with the memory it will take', () => {
    expect(memoryRoom({ ...reckoning, availableBytes: 480, pendingBytes: 100 })).toBe(3)
  })
})

/** A world with memory for that many workers of 100 MiB. */
async function rigWithRoom(room: number, options: Parameters<typeof startedRig>[0] = {}): Promise<Rig> {
  let alive = (): number => 0
  const memory = (): MemoryReading => ({
    availableBytes: Math.round((room - alive()) * WORKER_BYTES),
  })
  const rig = await startedRig({ workers: 4, memory, ...options })
  alive = () => rig.processes.alive.length
  for (const process of rig.processes.alive) process.vitals({ rssBytes: WORKER_BYTES })
  await rig.clock.advance(1_000)
  rig.processes.behave({ rssBytes: WORKER_BYTES, drainMs: 2_000 })
  return rig
}

const observer = { read: async () => ({ requests: 100, errors: 0 }) }
const observe = { observer, windowMs: 10_000 }

function limitedIn(rig: Rig): Rig['events'] {
  return rig.events.filter(({ type }) => type === 'surge-limited')
}

/** The largest number of processes alive at once during the work. */
async function mostAlive(rig: Rig, work: Promise<unknown>): Promise<number> {
  let most = 0
  let done = false
  void work.finally(() => (done = true))
  for (let turn = 0; turn < 400 && !done; turn += 1) {
    await rig.clock.advance(20)
    most = Math.max(most, rig.processes.alive.length)
  }
  await work
  for (let turn = 0; turn < 200; turn += 1) {
    await rig.clock.advance(20)
    most = Math.max(most, rig.processes.alive.length)
  }
  return most
}

describe('a generation swap', () => {
  test('starts all workers at once if there is memory for them', async () => {
    await using rig = await rigWithRoom(9, { observe })
    rig.files.writeUnseen('app.ts', 'v2')
    expect(await mostAlive(rig, rig.manager.reload())).toBe(8)
    expect(limitedIn(rig)).toEqual([])
  })

  test('takes over with as many workers as memory allows, and never starts more', async () => {
    await using rig = await rigWithRoom(6.8, { observe })
    rig.files.writeUnseen('app.ts', 'v2')
    expect(await mostAlive(rig, rig.manager.reload())).toBe(6)
    expect(limitedIn(rig)).toMatchObject([
      {
        generation: rig.files.generation,
        ready: 2,
        wanted: 4,
        availableBytes: 80 * MIB,
        workerBytes: WORKER_BYTES,
      },
    ])
    expect(rig.manager.status).toMatchObject({ readyWorkers: 4, health: 'ok' })
    expect(rig.processes.alive.every(({ generation }) => generation === rig.files.generation)).toBe(true)
  })

  test('the previous generation does not stand by when there is no memory for it', async () => {
    await using rig = await rigWithRoom(6.8, { observe })
    rig.files.writeUnseen('app.ts', 'v2')
    await rig.during(rig.manager.reload())
    // Half of the window.
    await rig.clock.advance(5_000)
    expect(rig.processes.alive).toHaveLength(4)
  })

  test('one worker replaces another, however little memory there is', async () => {
    await using rig = await rigWithRoom(1.1, { workers: 1, observe })
    rig.files.writeUnseen('app.ts', 'v2')
    expect(await mostAlive(rig, rig.manager.reload())).toBe(2)
    expect(limitedIn(rig)).toMatchObject([{ ready: 1, wanted: 1 }])
    expect(rig.processes.alive).toHaveLength(1)
  })

  test('unknown memory limits nothing', async () => {
    await using rig = await rigWithRoom(0, { memory: () => undefined })
    rig.files.writeUnseen('app.ts', 'v2')
    await rig.during(rig.manager.reload())
    expect(rig.routed()).toHaveLength(4)
    expect(limitedIn(rig)).toEqual([])
  })

  test('waits for workers of an earlier swap that hold the memory', async () => {
    await using rig = await rigWithRoom(9)
    rig.files.writeUnseen('app.ts', 'v2')
    await rig.during(rig.manager.reload())
    rig.files.writeUnseen('app.ts', 'v3')
    expect(await mostAlive(rig, rig.manager.reload())).toBeLessThanOrEqual(9)
    expect(limitedIn(rig)).toEqual([])
    expect(rig.routed()).toHaveLength(4)
  })

  test('a refused candidate leaves the previous generation complete', async () => {
    await using rig = await rigWithRoom(5.8)
    rig.processes.behave({ exitsAtBoot: 1 })
    rig.files.writeUnseen('app.ts', 'v2')
    expect(await rig.during(rig.manager.reload())).toMatchObject({ ok: false })
    expect(rig.routed()).toHaveLength(4)
  })

  test('a worker that crashes is replaced at once, with any memory', async () => {
    await using rig = await rigWithRoom(4)
    rig.processes.alive[0]!.crash()
    await rig.clock.advance(200)
    expect(rig.routed()).toHaveLength(4)
  })
})
