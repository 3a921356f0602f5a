import { describe, expect, test } from 'bun:test'
import type { Builder, Footprint, MemoryReading } from '../../src/contract/ports.ts'
import { createRig, type Rig, startedRig } from './rig.ts'

const MIB = 2 ** 20
/** What a worker takes for itself, at the peak of its boot and afterwards. */
const WORKER_BYTES = 20 * MIB
/** With pages that all share. */
const RESIDENT_BYTES = 60 * MIB
const WORKERS = 4

/** A world with that much memory left beside the workers it starts with. */
async function rigWith(leftMib: number, options: Parameters<typeof startedRig>[0] = {}): Promise<Rig> {
  const workers = options.workers ?? WORKERS
  let alive = (): number => workers
  const memory = (): MemoryReading => ({
    availableBytes: leftMib * MIB + (workers - alive()) * WORKER_BYTES,
  })
  const footprint = (): Footprint => ({ bytes: WORKER_BYTES, peakBytes: WORKER_BYTES })
  const rig = await startedRig({ workers, memory, footprint, ...options })
  alive = () => rig.processes.alive.length
  rig.processes.behave({ rssBytes: RESIDENT_BYTES, drainMs: 200 })
  for (const process of rig.processes.alive) process.vitals({ rssBytes: RESIDENT_BYTES })
  await rig.clock.advance(1_000)
  return rig
}

interface Course {
  /** The most processes at a time. */
  readonly most: number
  /** The fewest workers that got requests. */
  readonly fewest: number
}

/** Follows a reload until it has ended, and what comes after it. */
async function reload(rig: Rig): Promise<Course & { readonly ok: boolean }> {
  let [most, fewest, ok] = [0, Infinity, undefined as boolean | undefined]
  rig.files.writeUnseen('app.ts', 'v2')
  void rig.manager.reload().then((result) => (ok = result.ok))
  for (let turn = 0; turn < 2_000; turn += 1) {
    await rig.clock.advance(5)
    most = Math.max(most, rig.processes.alive.length)
    fewest = Math.min(fewest, rig.routed().length)
  }
  return { most, fewest, ok: ok === true }
}

function warnings(rig: Rig): readonly string[] {
  return rig.events.flatMap((event) => (event.type === 'warning' ? [event.message] : []))
}

describe('before new code boots', () => {
  test('nobody leaves while there is room for one more worker, and for what manager and balancer may grow by', async () => {
    // 22 for the worker, 4 × 2 for the others, 12 for manager and balancer.
    await using rig = await rigWith(42)
    expect(await reload(rig)).toMatchObject({ ok: true, most: 5 })
    expect(warnings(rig)).toEqual([])
    expect(rig.routed()).toHaveLength(WORKERS)
  })

  test('one worker makes room where memory is too scarce for that, and is not replaced meanwhile', async () => {
    await using rig = await rigWith(38)
    expect(await reload(rig)).toMatchObject({ ok: true })
    const exited = rig.events.findIndex(({ type }) => type === 'worker-exited')
    const started = rig.events.findIndex(
      (event) => event.type === 'worker-started' && event.generation === rig.files.generation,
    )
    expect(rig.events[exited]).toMatchObject({ slot: 4, reason: { kind: 'drained' } })
    expect(exited).toBeLessThan(started)
    expect(warnings(rig)).toEqual([
      '38 MiB of memory are left, what runs may grow by 20 MiB and a worker takes up to 20 MiB when it boots: worker 4 leaves before the new code boots',
    ])
    expect(rig.routed()).toHaveLength(WORKERS)
    expect(rig.manager.status).toMatchObject({ health: 'ok', readyWorkers: WORKERS })
    expect(rig.processes.alive.every(({ generation }) => generation === rig.files.generation)).toBe(true)
  })

  test('one after the other makes room, but the last stays, and the new code boots beside it all the same', async () => {
    await using rig = await rigWith(-100)
    expect(await reload(rig)).toMatchObject({ ok: true, fewest: 1, most: 4 })
    expect(warnings(rig).map((text) => /worker \d leaves/.exec(text)?.[0])).toEqual([
      'worker 4 leaves',
      'worker 3 leaves',
      'worker 2 leaves',
    ])
    expect(rig.routed()).toHaveLength(WORKERS)
  })

  test('memory that is scarce for a moment makes nobody leave', async () => {
    let looks = 0
    const memory = (): MemoryReading => ({ availableBytes: (looks += 1) === 1 ? 0 : 100 * MIB })
    await using rig = await rigWith(0, { memory })
    expect(await reload(rig)).toMatchObject({ ok: true, fewest: WORKERS })
    expect(looks).toBeGreaterThan(1)
    expect(warnings(rig)).toEqual([])
  })

  test('a generation that stands by goes first', async () => {
    const observer = { read: async () => ({ requests: 100, errors: 0 }) }
    let left = 1_000
    const memory = (): MemoryReading => ({ availableBytes: left * MIB })
    await using rig = await rigWith(0, { memory, observe: { observer, windowMs: 60_000 } })
    expect(await reload(rig)).toMatchObject({ ok: true, most: 2 * WORKERS })
    expect(rig.processes.alive).toHaveLength(2 * WORKERS)
    left = 0
    rig.files.writeUnseen('app.ts', 'v3')
    const reloading = rig.manager.reload()
    await rig.clock.advance(150)
    left = 100
    expect(await rig.during(reloading)).toMatchObject({ ok: true })
    expect(warnings(rig)).toEqual([expect.stringContaining('no longer stands by for a rollback')])
  })

  test('what made room comes back when the new code does not serve', async () => {
    await using rig = await rigWith(41)
    rig.processes.behave({ exitsAtBoot: 1, drainMs: 200 })
    rig.files.writeUnseen('app.ts', 'v2')
    const reloading = rig.manager.reload()
    await rig.clock.advance(2_000)
    rig.processes.behave({ drainMs: 200 })
    expect(await rig.during(reloading)).toMatchObject({ ok: false })
    await rig.clock.advance(2_000)
    expect(rig.routed()).toHaveLength(WORKERS)
    expect(rig.manager.status).toMatchObject({ health: 'ok' })
  })

  test('a worker that made room is not waited for when the reload is cancelled', async () => {
    await using rig = await rigWith(41)
    rig.files.writeUnseen('app.ts', 'v2')
    const cancelling = new AbortController()
    const reloading = rig.manager.reload({ signal: cancelling.signal }).catch((error: unknown) => error)
    await rig.clock.advance(300)
    expect(rig.routed()).toHaveLength(WORKERS - 1)
    cancelling.abort()
    await rig.during(reloading)
    await rig.clock.advance(3_000)
    expect(rig.routed()).toHaveLength(WORKERS)
    expect(rig.processes.alive.some(({ generation }) => generation === rig.files.generation)).toBe(false)
  })
})

describe('before new code is built', () => {
  const builder = (peakMib: number | undefined): Builder => ({
    build: async ({ generation }) => ({ ok: true, snapshot: { generation } }),
    peakBytes: peakMib === undefined ? undefined : peakMib * MIB,
  })

  test.each([
    ['a build that fits', 22, []],
    ['a build of which nothing is known', undefined, []],
    [
      'a larger one',
      23,
      [
        '42 MiB of memory are left, what runs may grow by 20 MiB and a build takes up to 23 MiB: worker 4 leaves before the new code is built',
      ],
    ],
  ])('workers make room for %s', async (_what, peakMib, told) => {
    await using rig = await rigWith(42, { builder: builder(peakMib) })
    expect(await reload(rig)).toMatchObject({ ok: true })
    expect(warnings(rig)).toEqual(told)
    expect(rig.routed()).toHaveLength(WORKERS)
    expect(rig.processes.alive.every(({ generation }) => generation === rig.files.generation)).toBe(true)
  })

  test('what made room comes back when it cannot be built', async () => {
    const failing: Builder = {
      ...builder(80),
      build: async ({ generation }) =>
        generation === first
          ? { ok: true, snapshot: { generation } }
          : { ok: false, failure: { kind: 'compile', message: 'a brace is missing' }, byChance: true },
    }
    let first: string | undefined
    await using rig = await rigWith(42, {
      builder: {
        ...failing,
        build: (state, options) => {
          first ??= state.generation
          return failing.build(state, options)
        },
      },
    })
    rig.files.writeUnseen('app.ts', 'v2')
    expect(await rig.during(rig.manager.reload())).toMatchObject({ ok: false })
    await rig.clock.advance(3_000)
    expect(warnings(rig)).toHaveLength(3)
    expect(rig.routed()).toHaveLength(WORKERS)
    expect(rig.manager.status).toMatchObject({ health: 'ok' })
  })
})

describe('a candidate that the kernel takes for want of memory', () => {
  test('ends the reload, which says so and what to do; the old code serves on', async () => {
    await using rig = await rigWith(100)
    rig.processes.behave({ bootMs: 1_000 })
    rig.files.writeUnseen('app.ts', 'v2')
    const reloading = rig.manager.reload()
    await rig.clock.advance(200)
    rig.processes.last().crash({ code: null, signal: 'SIGKILL', oom: true })
    expect(await rig.during(reloading)).toMatchObject({
      ok: false,
      refusal: {
        code: 'boot-failed',
        message:
          'the system killed worker 1 for want of memory: raise the memory limit, or run fewer workers',
      },
    })
    expect(rig.routed()).toHaveLength(WORKERS)
    expect(rig.events).toContainEqual(
      expect.objectContaining({ type: 'worker-exited', reason: { kind: 'oom' } }),
    )
  })
})

describe('what the kernel is to take first', () => {
  const ranks = (rig: Rig): readonly string[] =>
    rig.processes.alive.map(({ spec, generation, oomRank }) => {
      const code = generation === rig.files.generation ? 'new' : 'old'
      return `${code} ${spec.name} ${oomRank ?? spec.oomRank ?? 'none'}`
    })

  test('is a candidate, then what has served; what serves is worth more', async () => {
    await using rig = createRig({ workers: 1 })
    rig.processes.behave({ bootMs: 1_000, drainMs: 1_000 })
    await rig.during(rig.manager.start())
    expect(ranks(rig)).toEqual(['new w1 serving'])
    rig.files.writeUnseen('app.ts', 'v2')
    const reloading = rig.manager.reload()
    await rig.clock.advance(500)
    expect(ranks(rig)).toEqual(['old w1 serving', 'new w1 expendable'])
    await rig.clock.advance(700)
    expect(ranks(rig)).toEqual(['old w1 expendable', 'new w1 serving'])
    await rig.during(reloading)
  })
})
