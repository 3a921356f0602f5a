import { describe, expect, test } from 'bun:test'
import type { BuildResult, Builder, TreeState } from '../../src/contract/ports.ts'
import type { BootFailure } from '@rip/worker/protocol'
import type { ManagerOptions } from '../../src/contract/options.ts'
import type { FakeBehaviour, FakeFiles } from '../../src/testing.ts'
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

/** Names generations by their code only, without data. */
const namedByCode: Builder = {
  build: async ({ files }) => ({ ok: true, snapshot: { generation: `code-${files.get('app.ts')}` } }),
}

/** What the machine has in the way of a release: one of these. */
interface MachineFault {
  readonly env?: string
  readonly thrown?: string
  readonly reported?: string
  readonly byChance?: boolean
  readonly boot?: BootFailure
  readonly stderr?: string
  readonly verify?: string
}

/** Options of a rig whose machine has the fault when it is asked, and how its workers boot then. */
function faulty({ env, thrown, reported, byChance, boot, stderr, verify }: MachineFault): {
  readonly options: (isFaulty: () => boolean) => Partial<ManagerOptions>
  readonly behaviour: FakeBehaviour
} {
  const builder = (isFaulty: () => boolean): Builder => ({
    async build({ generation }) {
      if (isFaulty() && thrown !== undefined) throw new Error(thrown)
      if (!isFaulty() || reported === undefined) return { ok: true, snapshot: { generation } }
      const failure = { kind: 'compile', message: reported } as const
      return { ok: false, failure, ...(byChance !== undefined && { byChance }) }
    },
  })
  const options = (isFaulty: () => boolean): Partial<ManagerOptions> => ({
    builder: builder(isFaulty),
    verifier: { verify: async () => (isFaulty() ? verify : undefined) },
    env: () => {
      if (isFaulty() && env !== undefined) throw new Error(env)
      return {}
    },
  })
  if (boot !== undefined) return { options, behaviour: { failure: boot } }
  return { options, behaviour: stderr === undefined ? {} : { exitsAtBoot: 1, stderr } }
}

/** Reloads, and waits until the previous generation has ended. Returns both generations. */
async function reloaded(rig: Rig): Promise<{ readonly first: string; readonly second: string }> {
  const first = rig.manager.status.generation!
  rig.files.writeUnseen('app.ts', 'v2')
  expect(await rig.during(rig.manager.reload())).toMatchObject({ ok: true })
  await rig.clock.advance(60_000)
  return { first, second: rig.manager.status.generation! }
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

describe('the watcher', () => {
  test('brings a change into service without a command', async () => {
    await using rig = await startedRig()
    rig.files.write('app.ts', 'v2')
    await rig.clock.advance(1_000)
    expect(rig.manager.status.generation).toBe(rig.files.generation)
  })

  test('does not try refused content again, but a command does', async () => {
    await using rig = await startedRig()
    rig.processes.behave({ exitsAtBoot: 1 })
    rig.files.write('app.ts', 'broken')
    await rig.clock.advance(1_000)
    const tried = rig.processes.all.length
    rig.files.write('app.ts', 'broken')
    await rig.clock.advance(1_000)
    expect(rig.processes.all).toHaveLength(tried)
    expect(await rig.during(rig.manager.reload())).toMatchObject({ ok: false })
    expect(rig.processes.all).toHaveLength(tried + 1)
  })

  test('tries content again whose candidate was killed by somebody else', async () => {
    await using rig = await startedRig()
    rig.processes.behave({ neverReady: true })
    rig.files.write('app.ts', 'v2')
    await rig.clock.advance(100)
    rig.processes.last().crash({ signal: 'SIGKILL' })
    await rig.clock.advance(100)
    expect(rig.manager.status.lastRefusal).toMatchObject({ code: 'boot-failed' })
    rig.processes.behave({})
    rig.files.write('app.ts', 'v2')
    await rig.clock.advance(1_000)
    expect(rig.manager.status.generation).toBe(rig.files.generation)
  })

  describe.each([
    ['the environment cannot be read', { env: "EACCES: permission denied, open '/srv/app/.env'" }],
    ['there is no room for the snapshot', { thrown: "ENOSPC: no space left on device, rename '/run/b'" }],
    ['the builder cannot be started', { thrown: 'posix_spawn: no such thing' }],
    ['the builder finds no room', { reported: "ENOSPC: no space left on device, open '/run/b/app.js'" }],
    [
      'the builder may open no more files',
      { reported: "EMFILE: too many open files, open '/srv/app/app.ts'" },
    ],
    ['the builder was killed', { reported: 'the builder ended with 137', byChance: true }],
    ['the builder gets no memory', { reported: 'the builder ended with 133: panic: Out of memory' }],
    ['the worker cannot listen', { boot: { kind: 'socket', message: 'cannot listen on /run/w1.sock' } }],
    ['the worker finds no room', { boot: { kind: 'import', message: 'ENOSPC: no space left, write' } }],
    ['a service the worker needs is down', { boot: { kind: 'ready-hook', message: 'connect ECONNREFUSED' } }],
    ['the worker dies for want of memory', { stderr: 'terminate called: std::bad_alloc' }],
    ['no connection to the worker can be opened', { verify: 'GET /up failed: EMFILE: too many open files' }],
  ] satisfies [string, MachineFault][])('while %s', (_, fault: MachineFault) => {
    test('is refused, and the same content is tried again', async () => {
      const { options, behaviour } = faulty(fault)
      let isFaulty = false
      await using rig = await startedRig(options(() => isFaulty))
      isFaulty = true
      rig.processes.behave(behaviour)
      rig.files.write('app.ts', 'v2')
      await rig.clock.advance(3_000)
      expect(rig.manager.status.lastRefusal).toMatchObject({ generation: rig.files.generation })
      isFaulty = false
      rig.processes.behave({})
      rig.files.write('app.ts', 'v2')
      await rig.clock.advance(1_000)
      expect(rig.manager.status).toMatchObject({ generation: rig.files.generation, lastRefusal: null })
    })
  })

  test('tries content again that could not be confirmed because the disk could not be read', async () => {
    await using rig = await startedRig()
    const read = rig.files.tree.read.bind(rig.files.tree)
    let reads = 0
    rig.files.tree.read = async (...options) => {
      reads += 1
      if (reads === 2) throw new Error('EIO')
      return read(...options)
    }
    rig.files.writeUnseen('app.ts', 'v2')
    expect(await rig.during(rig.manager.reload())).toMatchObject({
      ok: false,
      refusal: { code: 'build-failed', message: 'EIO' },
    })
    rig.files.write('app.ts', 'v2')
    await rig.clock.advance(1_000)
    expect(rig.manager.status.generation).toBe(rig.files.generation)
  })

  test('takes a refusal back when the content that serves is on disk again, and says so once', async () => {
    await using rig = await startedRig()
    const serving = rig.manager.status.generation!
    rig.files.write('app.ts', 'v2')
    await rig.clock.advance(1_000)
    const second = rig.manager.status.generation!
    expect(second).not.toBe(serving)
    for (let round = 1; round <= 2; round += 1) {
      rig.processes.behave({ exitsAtBoot: 1 })
      rig.files.write('app.ts', 'broken')
      await rig.clock.advance(1_000)
      expect(rig.manager.status).toMatchObject({
        lastRefusal: { code: 'boot-failed' },
        reloads: { refused: round },
      })
      rig.processes.behave({})
      for (let save = 1; save <= 2; save += 1) {
        rig.files.write('app.ts', 'v2')
        await rig.clock.advance(1_000)
        expect(rig.manager.status).toMatchObject({ generation: second, lastRefusal: null })
        expect(rig.events.filter(({ type }) => type === 'generation-unchanged')).toHaveLength(round)
      }
    }
  })

  test('gets an application into service that was broken at the start', async () => {
    const rig = await import('./rig.ts').then(({ createRig }) => createRig())
    await using _ = rig
    rig.processes.behave({ exitsAtBoot: 1 })
    expect(rig.during(rig.manager.start())).rejects.toThrow('cannot be served')
    await rig.clock.advance(500)
    rig.processes.behave({})
    rig.files.write('app.ts', 'fixed')
    await rig.clock.advance(1_000)
    expect(rig.manager.status).toMatchObject({ health: 'ok', readyWorkers: 2, lastRefusal: null })
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

describe('rollback', () => {
  test('asked for during a switch and cancelled, leaves what was switched to', async () => {
    await using rig = await startedRig()
    rig.files.writeUnseen('app.ts', 'v2')
    const reload = rig.manager.reload()
    const cancelled = new AbortController()
    let rollback: Promise<unknown> | undefined
    const cut = rig.router.cut.bind(rig.router)
    rig.router.cut = async (generation) => {
      rollback ??= rig.manager.rollback({ signal: cancelled.signal }).catch((error: unknown) => error)
      cancelled.abort(new Error('nobody waits'))
      return cut(generation)
    }
    expect(await rig.during(reload)).toMatchObject({ ok: true })
    expect(await rollback).toMatchObject({ message: 'nobody waits' })
    await rig.clock.advance(5_000)
    expect(rig.manager.status.generation).toBe(rig.files.generation)
    expect(rig.router.serving).toBe(rig.files.generation)
  })

  test('returns to the generation before, and the disk does not undo it', async () => {
    await using rig = await startedRig()
    const first = rig.manager.status.generation
    rig.files.write('app.ts', 'v2')
    await rig.clock.advance(1_000)
    const second = rig.manager.status.generation
    expect(await rig.during(rig.manager.rollback())).toMatchObject({
      ok: true,
      generation: first,
      previous: second,
    })
    rig.files.write('app.ts', 'v2')
    await rig.clock.advance(1_000)
    expect(rig.manager.status).toMatchObject({ generation: first, previousGeneration: second })
    rig.files.write('app.ts', 'v3')
    await rig.clock.advance(1_000)
    expect(rig.manager.status.generation).toBe(rig.files.generation)
  })

  describe('while what is returned to boots', () => {
    test('goes on when the watcher finds on release what serves already', async () => {
      await using rig = await startedRig()
      const { first, second } = await reloaded(rig)
      rig.manager.hold()
      const back = rig.manager.rollback()
      await rig.clock.advance(5)
      rig.manager.resume()
      expect(await rig.during(back)).toMatchObject({ ok: true, generation: first, previous: second })
      await rig.clock.advance(20_000)
      expect(rig.manager.status.generation).toBe(first)
    })

    test('goes on when data changes, and the code it returns from does not come back with that', async () => {
      await using rig = await startedRig({ builder: namedByCode })
      const { first, second } = await reloaded(rig)
      const back = rig.manager.rollback()
      await rig.clock.advance(5)
      rig.files.write('data.json', '1')
      expect(await rig.during(back)).toMatchObject({ ok: true, generation: first, previous: second })
      await rig.clock.advance(20_000)
      expect(rig.manager.status.generation).toBe(first)
      expect(rig.events.filter(({ type }) => type === 'generation-cut')).toHaveLength(3)
    })

    test('goes on when the code returned to is saved, and stays what an operator asked for', async () => {
      await using rig = await startedRig()
      const { first } = await reloaded(rig)
      const back = rig.manager.rollback()
      await rig.clock.advance(5)
      rig.files.write('app.ts', 'v1')
      expect(await rig.during(back)).toMatchObject({ ok: true, generation: first })
      await rig.clock.advance(20_000)
      expect(rig.manager.status.generation).toBe(first)
      rig.files.writeUnseen('app.ts', 'v2')
      expect(await rig.during(rig.manager.reload())).toMatchObject({
        ok: false,
        refusal: { code: 'condemned', message: expect.stringContaining('operator') },
      })
    })

    test('goes on when newer code is saved, which serves afterwards', async () => {
      await using rig = await startedRig()
      const { first } = await reloaded(rig)
      const back = rig.manager.rollback()
      await rig.clock.advance(5)
      rig.files.write('app.ts', 'v3')
      expect(await rig.during(back)).toMatchObject({ ok: true, generation: first })
      await rig.clock.advance(20_000)
      expect(rig.manager.status.generation).toBe(rig.files.generation)
    })

    test('gives way to a reload that an operator asks for', async () => {
      await using rig = await startedRig()
      await reloaded(rig)
      const back = rig.manager.rollback()
      await rig.clock.advance(5)
      rig.files.writeUnseen('app.ts', 'v3')
      expect(await rig.during(rig.manager.reload())).toMatchObject({
        ok: true,
        generation: rig.files.generation,
      })
      expect(await rig.during(back)).toMatchObject({ ok: false, refusal: { code: 'superseded' } })
    })
  })

  test('without a generation before is an error', async () => {
    await using rig = await startedRig()
    expect(rig.during(rig.manager.rollback())).rejects.toMatchObject({ code: 'NO_PREVIOUS_GENERATION' })
    await rig.clock.advance(10)
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
