import { describe, expect, test } from 'bun:test'
import type { BuildResult, Builder, TreeState } from '../../src/contract/ports.ts'
import type { BootFailure } from '@rip/worker/protocol'
import type { FakeFiles } from '../../src/testing.ts'
import { REST_DELAY_MS } from '../../src/contract/defaults.ts'
import { startedRig, type Rig } from './rig.ts'

const compileFailure: BuildResult = {
  ok: false,
  failure: { kind: 'compile', message: 'unexpected "}"', frame: '3 | }' } satisfies BootFailure,
}

/** Builds at once; fails for the generations in the set. */
function builderFailingFor(broken: Set<string>): Builder & { readonly built: string[] } {
  const built: string[] = []
  return {
    built,
    async build({ generation }: TreeState) {
      built.push(generation)
      return broken.has(generation)
        ? compileFailure
        : { ok: true, snapshot: { generation, folder: `/snap/${generation}` } }
    },
  }
}

describe('a reload', () => {
  test('of content that is being served already changes nothing', async () => {
    await using rig = await startedRig()
    expect(await rig.during(rig.manager.reload())).toMatchObject({ ok: true, unchanged: true })
    expect(rig.processes.all).toHaveLength(2)
  })

  test('hands the snapshot of its generation to every worker, also to one that is respawned later', async () => {
    await using rig = await startedRig({ builder: builderFailingFor(new Set()) })
    const { generation } = rig.manager.status
    rig.manager.hold()
    rig.files.write('app.ts', 'v2')
    rig.processes.alive[0]!.crash()
    await rig.clock.advance(1_000)
    const folders = rig.processes.all.map(({ spec }) => spec.env['RIP_SNAPSHOT'])
    expect(new Set(folders)).toEqual(new Set([`/snap/${generation}`]))
  })

  test('tells what was changed, and how long build and boot took', async () => {
    const modules = { total: 3, reused: 2 }
    const builder: Builder = {
      async build(state) {
        const { generation } = state
        return { ok: true, snapshot: { generation, folder: `/snap/${generation}`, modules } }
      },
    }
    await using rig = await startedRig({ builder })
    rig.processes.behave({ bootMs: 70 })
    rig.files.writeUnseen('b.ts', 'new')
    rig.files.writeUnseen('app.ts', 'v2')
    expect(await rig.during(rig.manager.reload())).toMatchObject({ ok: true })
    const cut = rig.events.findLast((event) => event.type === 'generation-cut')
    expect(cut).toMatchObject({ changed: { paths: ['app.ts', 'b.ts'], count: 2 }, modules })
    expect(cut?.bootMs).toBeGreaterThanOrEqual(70)
    expect(cut?.tookMs).toBeGreaterThanOrEqual(cut!.buildMs! + cut!.bootMs!)
    expect(rig.events.find((event) => event.type === 'generation-cut')).not.toHaveProperty('changed')
  })

  test('that is refused tells what was changed, too, and a rollback that nothing was', async () => {
    const broken = new Set<string>()
    await using rig = await startedRig({ builder: builderFailingFor(broken) })
    rig.files.writeUnseen('app.ts', 'v2')
    await rig.during(rig.manager.reload())
    rig.files.writeUnseen('app.ts', 'v3')
    broken.add(rig.files.generation)
    expect(await rig.during(rig.manager.reload())).toMatchObject({ ok: false })
    expect(rig.events.findLast((event) => event.type === 'generation-refused')).toMatchObject({
      changed: { paths: ['app.ts'], count: 1 },
    })
    await rig.during(rig.manager.rollback())
    expect(rig.events.findLast((event) => event.type === 'generation-cut')).not.toHaveProperty('changed')
  })

  test('reads the environment anew, and respawned workers keep that of their generation', async () => {
    let key = 'old'
    await using rig = await startedRig({ env: () => ({ KEY: key }) })
    key = 'new'
    rig.processes.alive[0]!.crash()
    await rig.clock.advance(500)
    expect(rig.processes.last().spec.env['KEY']).toBe('old')
    rig.files.writeUnseen('app.ts', 'v2')
    await rig.during(rig.manager.reload())
    expect(rig.processes.last().spec.env['KEY']).toBe('new')
  })

  test('never takes ready workers away before the new ones are ready, however slowly they boot', async () => {
    await using rig = await startedRig({ workers: 4 })
    rig.processes.behave({ bootMs: 8_000 })
    rig.files.writeUnseen('app.ts', 'v2')
    const reloading = rig.manager.reload()
    for (let second = 0; second < 15; second += 1) {
      await rig.clock.advance(1_000)
      expect(rig.manager.status.readyWorkers).toBe(4)
      expect(rig.routed()).toHaveLength(4)
    }
    expect(await rig.during(reloading)).toMatchObject({ ok: true })
  })

  test('can be cut over to as soon as one worker is ready, and that is no loss to be told of', async () => {
    await using rig = await startedRig({ workers: 4, cutAfter: 'first' })
    await rig.clock.advance(1_000)
    rig.files.writeUnseen('app.ts', 'v2')
    await rig.during(rig.manager.reload())
    expect(rig.routed()).toEqual(['w1.2'])
    await rig.clock.advance(1_000)
    expect(rig.routed().toSorted()).toEqual(['w1.2', 'w2.2', 'w3.2', 'w4.2'])
    const healths = rig.events.flatMap((event) => (event.type === 'health' ? [event.health] : []))
    expect(healths).toEqual(['ok'])
  })

  test('leaves the processors to the first worker for a moment, if one is enough, and then starts the others', async () => {
    await using rig = await startedRig({ workers: 3, cutAfter: 'first' })
    await rig.clock.advance(1_000)
    rig.files.writeUnseen('app.ts', 'v2')
    const reloading = rig.manager.reload()
    while (rig.manager.status.generation !== rig.files.generation) await rig.clock.advance(1)
    const started = rig.processes.all.length
    await rig.clock.advance(REST_DELAY_MS - 1)
    expect(rig.processes.all.length).toBe(started)
    await rig.clock.advance(1)
    expect(rig.processes.all.length).toBe(started + 2)
    await rig.during(reloading)
  })

  test('starts all others at once when that first worker dies in this moment', async () => {
    await using rig = await startedRig({ workers: 3, cutAfter: 'first' })
    await rig.clock.advance(1_000)
    rig.files.writeUnseen('app.ts', 'v2')
    const reloading = rig.manager.reload()
    while (rig.manager.status.generation !== rig.files.generation) await rig.clock.advance(1)
    const started = rig.processes.all.length
    rig.processes.last().crash()
    await rig.clock.advance(1)
    expect(rig.processes.all.length).toBe(started + 3)
    await rig.during(reloading)
  })

  test('is refused with the code frame when the content does not compile', async () => {
    const broken = new Set<string>()
    await using rig = await startedRig({ builder: builderFailingFor(broken) })
    const serving = rig.manager.status.generation
    await breakContent(rig.files, broken)
    const result = await rig.during(rig.manager.reload())
    expect(result).toMatchObject({
      ok: false,
      refusal: { code: 'build-failed', failure: { frame: '3 | }' } },
    })
    expect(rig.manager.status).toMatchObject({
      generation: serving,
      health: 'ok',
      reloads: { admitted: 1, refused: 1 },
      lastRefusal: { code: 'build-failed' },
    })
  })

  test('reads content once more that did not compile right after it was written', async () => {
    const broken = new Set<string>()
    const builder = builderFailingFor(broken)
    await using rig = await startedRig({ builder })
    await breakContent(rig.files, broken)
    const reloading = rig.manager.reload()
    await rig.clock.advance(100)
    rig.files.writeUnseen('app.ts', 'whole')
    expect(await rig.during(reloading)).toMatchObject({ ok: true, generation: rig.files.generation })
    expect(rig.manager.status.reloads).toEqual({ admitted: 2, refused: 0 })
  })

  test('reads such content once more only', async () => {
    const broken = new Set<string>()
    const builder = builderFailingFor(broken)
    await using rig = await startedRig({ builder })
    await breakContent(rig.files, broken)
    await rig.during(rig.manager.reload())
    expect(builder.built.filter((generation) => broken.has(generation))).toHaveLength(2)
  })

  test('leaves no more old generations alive than it may, however often it happens', async () => {
    await using rig = await startedRig({ workers: 1, maxRetiring: 2 })
    rig.processes.behave({ drainMs: 60_000 })
    for (let version = 2; version < 12; version += 1) {
      rig.files.writeUnseen('app.ts', `v${version}`)
      expect(await rig.during(rig.manager.reload())).toMatchObject({ ok: true })
      await rig.clock.advance(2_500)
      expect(rig.processes.alive.length).toBeLessThanOrEqual(3)
    }
  })

  test('is refused when the candidate is not ready in time', async () => {
    await using rig = await startedRig({ bootTimeoutMs: 5_000 })
    rig.processes.behave({ neverReady: true, ignoresTerm: true })
    rig.files.writeUnseen('app.ts', 'v2')
    const reloading = rig.manager.reload()
    await rig.clock.advance(1_000)
    rig.processes.last().freeze()
    expect(await rig.during(reloading)).toMatchObject({ ok: false, refusal: { code: 'boot-timeout' } })
    await rig.clock.advance(2_000)
    expect(rig.processes.last().signals).toEqual(['SIGTERM', 'SIGKILL'])
    expect(rig.processes.alive).toHaveLength(2)
  })

  test('is refused when the verifier objects to the candidate', async () => {
    let reason: string | undefined
    const verifier = { verify: async () => reason }
    await using rig = await startedRig({ verifier })
    reason = 'GET /up answered 500'
    rig.files.writeUnseen('app.ts', 'v2')
    const result = await rig.during(rig.manager.reload())
    expect(result).toMatchObject({ ok: false, refusal: { code: 'verify-failed', message: reason } })
  })

  test('asks the verifier as often as configured', async () => {
    let asked = 0
    const verifier = { verify: async () => void (asked += 1) }
    await using _rig = await startedRig({ verifier, verifyTimes: 3 })
    expect(asked).toBe(3)
  })

  test('is refused as a whole when one of its workers does not start', async () => {
    await using rig = await startedRig({ workers: 4 })
    rig.processes.behave(({ env }) => (env['RIP_WORKER_ID'] === '3' ? { exitsAtBoot: 7 } : {}))
    rig.files.writeUnseen('app.ts', 'v2')
    const result = await rig.during(rig.manager.reload())
    expect(result).toMatchObject({
      ok: false,
      refusal: { code: 'boot-failed', message: expect.stringContaining('7') },
    })
    await rig.clock.advance(2_000)
    expect(rig.routed()).toEqual(['w1.1', 'w2.1', 'w3.1', 'w4.1'])
    expect(rig.processes.alive).toHaveLength(4)
  })

  test('gives way to newer content without waiting for its own time-out', async () => {
    await using rig = await startedRig()
    rig.processes.behave({ neverReady: true })
    rig.files.writeUnseen('app.ts', 'hangs')
    const first = rig.manager.reload()
    await rig.clock.advance(1_000)
    rig.processes.behave({})
    rig.files.writeUnseen('app.ts', 'good')
    const second = rig.manager.reload()
    expect(await rig.during(second)).toMatchObject({ ok: true, generation: rig.files.generation })
    expect(await first).toMatchObject({ ok: false, refusal: { code: 'superseded' } })
    expect(rig.clock.nowMs()).toBeLessThan(5_000)
  })

  test('never cuts over to content that is no longer on disk', async () => {
    await using rig = await startedRig()
    rig.processes.behave({ bootMs: 1_000 })
    rig.files.writeUnseen('app.ts', 'v2')
    const skipped = rig.files.generation
    const reloading = rig.manager.reload()
    await rig.clock.advance(1_500)
    rig.files.writeUnseen('app.ts', 'v3')
    expect(await rig.during(reloading)).toMatchObject({ ok: true, generation: rig.files.generation })
    const message = 'newer content is on disk: app.ts changed'
    const refusal: unknown = expect.objectContaining({ code: 'superseded', generation: skipped, message })
    expect(rig.events).toContainEqual(expect.objectContaining({ type: 'generation-refused', refusal }))
    const cuts = rig.events.filter((event) => event.type === 'generation-cut')
    expect(cuts.map(({ generation }) => generation)).not.toContain(skipped)
  })

  test('of content that still drains cuts nothing off', async () => {
    await using rig = await startedRig()
    rig.router.keepDraining(true)
    for (const content of ['v2', 'v1']) {
      rig.files.writeUnseen('app.ts', content)
      expect(await rig.during(rig.manager.reload())).toMatchObject({ ok: true })
    }
    rig.router.keepDraining(false)
    await rig.clock.advance(60_000)
    const retired = rig.events.flatMap((event) =>
      event.type === 'generation-retired' ? [event.abandoned] : [],
    )
    expect(retired).toEqual([0, 0])
    expect(await rig.during(rig.manager.close())).toEqual({ abandoned: 0 })
  })

  test('asked for twice at once happens once', async () => {
    await using rig = await startedRig()
    rig.files.writeUnseen('app.ts', 'v2')
    const both = Promise.all([rig.manager.reload(), rig.manager.reload()])
    const [first, second] = await rig.during(both)
    expect(first).toMatchObject({ ok: true, unchanged: false })
    expect(second).toMatchObject({ ok: true, unchanged: false })
    expect(rig.processes.all).toHaveLength(4)
  })

  test('is given up when nobody waits for it any more', async () => {
    await using rig = await startedRig()
    rig.processes.behave({ neverReady: true })
    rig.files.writeUnseen('app.ts', 'v2')
    const controller = new AbortController()
    const reloading = rig.manager.reload({ signal: controller.signal })
    await rig.clock.advance(500)
    controller.abort()
    expect(reloading).rejects.toThrow('abort')
    await rig.clock.advance(100)
    expect(rig.processes.alive).toHaveLength(2)
  })
})

describe('hold', () => {
  test('suspends reloads by watcher and by command until release', async () => {
    await using rig = await startedRig()
    const serving = rig.manager.status.generation
    rig.manager.hold()
    rig.files.write('app.ts', 'v2')
    await rig.clock.advance(1_000)
    expect(rig.manager.status).toMatchObject({ generation: serving, held: true, health: 'held' })
    expect(await rig.during(rig.manager.reload())).toMatchObject({ ok: false, refusal: { code: 'held' } })
    rig.manager.resume()
    await rig.clock.advance(1_000)
    expect(rig.manager.status).toMatchObject({
      generation: rig.files.generation,
      held: false,
      health: 'ok',
    })
  })

  test('ends a reload that has not been cut over yet', async () => {
    await using rig = await startedRig()
    rig.files.writeUnseen('app.ts', 'half of v2')
    const reloading = rig.manager.reload()
    await rig.clock.advance(50)
    rig.manager.hold()
    expect(await rig.during(reloading)).toMatchObject({ ok: false, refusal: { code: 'held' } })
  })
})

test('a start, and a reload, whose content is read twice are told of once', async () => {
  let attempt = 0
  const builder: Builder = {
    build: async ({ generation }) =>
      (attempt += 1) % 2 === 1 ? { ok: false, changed: 'app.ts' } : { ok: true, snapshot: { generation } },
  }
  await using rig = await startedRig({ builder })
  rig.files.write('app.ts', 'v2')
  expect(await rig.during(rig.manager.reload())).toMatchObject({ ok: true })
  expect(attempt).toBe(4)
  expect(rig.events.filter(({ type }) => type === 'starting')).toHaveLength(1)
  expect(rig.events.filter(({ type }) => type === 'generation-building')).toHaveLength(2)
})

/** How many events say that a generation is built. */
function tellings({ events }: Rig, generation: string): number {
  return events.filter((event) => event.type === 'generation-building' && event.generation === generation)
    .length
}

/** Writes content that does not compile. */
async function breakContent(files: FakeFiles, broken: Set<string>): Promise<void> {
  files.writeUnseen('app.ts', '}')
  broken.add(files.generation)
}

test('content that was written while it was compiled is read and compiled once more', async () => {
  const built: string[] = []
  const builder: Builder = {
    async build({ generation }) {
      built.push(generation)
      if (built.length === 2) return { ok: false, changed: 'app.ts' }
      return { ok: true, snapshot: { generation } }
    },
  }
  await using rig = await startedRig({ builder })
  rig.files.write('app.ts', 'v2')
  const result = await rig.during(rig.manager.reload())
  expect(result).toMatchObject({ ok: true, generation: rig.files.generation })
  expect(built.slice(1)).toEqual([rig.files.generation, rig.files.generation])
  expect(tellings(rig, rig.files.generation)).toBe(1)
  expect(rig.manager.status.reloads.refused).toBe(0)
})
