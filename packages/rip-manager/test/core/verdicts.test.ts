import { describe, expect, test } from 'bun:test'
import type { Builder, ResponseCounts } from '../../src/contract/ports.ts'
import type { ManagerOptions } from '../../src/contract/options.ts'
import type { Findings, VerdictStore } from '../../src/contract/verdict.ts'
import { createRig, type Rig, startedRig } from './rig.ts'

const WINDOW_MS = 20_000
/** Enough failures for a generation to be taken back. */
const FAILING: ResponseCounts = { requests: 300, errors: 61 }

/** Keeps verdicts in memory instead of a folder. */
class FakeStore implements VerdictStore {
  findings: Findings = { condemned: [], good: undefined }
  readonly copies: string[] = []
  keepFails: Error | undefined
  fetchFails: Error | undefined

  read(): Findings {
    return this.findings
  }

  write(findings: Findings): void {
    this.findings = findings
  }

  async keep({ generation }: { readonly generation: string }): Promise<void> {
    if (this.keepFails !== undefined) throw this.keepFails
    this.copies.push(generation)
  }

  async fetch(generation: string): Promise<{ readonly generation: string; readonly folder: string }> {
    if (this.fetchFails !== undefined) throw this.fetchFails
    return { generation, folder: '/run/copy' }
  }
}

/** Puts code into folders, like a builder that keeps snapshots. */
const folders: Builder = {
  build: async ({ generation }) => ({ ok: true, snapshot: { generation, folder: `/run/${generation}` } }),
}

interface World {
  readonly counts: Map<string, ResponseCounts>
  readonly store: FakeStore
  readonly options: Partial<ManagerOptions>
}

/** Without a watcher, as in production. */
function world(): World {
  const counts = new Map<string, ResponseCounts>()
  const observer = {
    read: async (generation: string) => counts.get(generation) ?? { requests: 100, errors: 1 },
  }
  const store = new FakeStore()
  const options = {
    watcher: undefined,
    builder: folders,
    verdicts: store,
    observe: { observer, windowMs: WINDOW_MS },
  }
  return { counts, store, options }
}

/** Reloads to code that is taken back. Returns the good generation and the bad one. */
async function takeBack(
  rig: Rig,
  counts: World['counts'],
): Promise<{ readonly good: string; readonly bad: string }> {
  const good = rig.manager.status.generation!
  rig.files.writeUnseen('app.ts', 'bad')
  await rig.during(rig.manager.reload())
  const bad = rig.files.generation
  counts.set(bad, FAILING)
  await rig.clock.advance(1_000)
  expect(rig.manager.status.generation).toBe(good)
  return { good, bad }
}

/** A new start with the same verdicts and with this content on disk. */
function startedAgain({ options }: World, content: string): Promise<Rig> {
  const rig = createRig(options)
  rig.files.writeUnseen('app.ts', content)
  return rig.during(rig.manager.start()).then(() => rig)
}

describe('code that was taken back', () => {
  test('is never the target of a rollback', async () => {
    const { counts, options } = world()
    await using rig = await startedRig(options)
    const { good, bad } = await takeBack(rig, counts)
    expect(await rig.during(rig.manager.rollback())).toMatchObject({
      ok: false,
      refusal: {
        code: 'condemned',
        generation: bad,
        message: expect.stringMatching(/^there is no good code to return to: .* 60 of 200 .*--force$/),
      },
    })
    expect(rig.manager.status).toMatchObject({
      generation: good,
      disk: { generation: bad, verdict: { by: 'server' } },
    })
  })

  test('is refused for the hold while reloads are held, as --force would be', async () => {
    const { counts, options } = world()
    await using rig = await startedRig(options)
    await takeBack(rig, counts)
    rig.manager.hold()
    for (const force of [false, true])
      expect(await rig.during(rig.manager.reload({ force }))).toMatchObject({ refusal: { code: 'held' } })
    rig.manager.resume()
    expect(await rig.during(rig.manager.reload())).toMatchObject({ refusal: { code: 'condemned' } })
  })

  test('serves again when an operator insists, is watched, and taken back again', async () => {
    const { counts, options } = world()
    await using rig = await startedRig(options)
    const { good, bad } = await takeBack(rig, counts)
    counts.delete(bad)
    expect(await rig.during(rig.manager.rollback({ force: true }))).toMatchObject({
      ok: true,
      generation: bad,
      watchedMs: WINDOW_MS,
    })
    expect(rig.manager.status).toMatchObject({ generation: bad, condemned: null, disk: { verdict: null } })
    await rig.clock.advance(1_000)
    counts.set(bad, FAILING)
    await rig.clock.advance(1_000)
    expect(rig.manager.status).toMatchObject({ generation: good, disk: { verdict: { by: 'server' } } })
  })

  test('is refused when it is reloaded, and served when an operator insists', async () => {
    const { counts, options } = world()
    await using rig = await startedRig(options)
    const { bad } = await takeBack(rig, counts)
    expect(await rig.during(rig.manager.reload())).toMatchObject({
      ok: false,
      refusal: { code: 'condemned' },
    })
    counts.delete(bad)
    expect(await rig.during(rig.manager.reload({ force: true }))).toMatchObject({ ok: true, generation: bad })
    await rig.clock.advance(WINDOW_MS + 1_000)
    expect(rig.manager.status).toMatchObject({ generation: bad, condemned: null })
  })

  test('does not keep other code from serving, nor from being rolled back', async () => {
    const { counts, options } = world()
    await using rig = await startedRig(options)
    const { good } = await takeBack(rig, counts)
    rig.files.writeUnseen('app.ts', 'fixed')
    expect(await rig.during(rig.manager.reload())).toMatchObject({ ok: true, previous: good })
    expect(await rig.during(rig.manager.rollback())).toMatchObject({ ok: true, generation: good })
  })

  test('is not served by the watcher either, with one event', async () => {
    const { counts, options } = world()
    const { watcher: _none, ...watching } = options
    await using rig = await startedRig(watching)
    const { good, bad } = await takeBack(rig, counts)
    rig.files.write('app.ts', 'fixed')
    await rig.clock.advance(WINDOW_MS + 1_000)
    const refusals = (): number => rig.events.filter(({ type }) => type === 'generation-refused').length
    const before = refusals()
    rig.files.write('app.ts', 'bad')
    rig.files.write('app.ts', 'bad')
    await rig.clock.advance(10_000)
    expect(rig.files.generation).toBe(bad)
    expect(rig.manager.status.generation).not.toBe(bad)
    expect(rig.manager.status.generation).not.toBe(good)
    expect(rig.manager.status.lastRefusal).toMatchObject({ code: 'condemned', generation: bad })
    expect(refusals()).toBe(before + 1)
  })
})

test('a rollback by an operator condemns the code: a second rollback does not serve it again', async () => {
  const { options } = world()
  await using rig = await startedRig(options)
  const first = rig.manager.status.generation!
  rig.files.writeUnseen('app.ts', 'v2')
  await rig.during(rig.manager.reload())
  await rig.during(rig.manager.rollback({ reason: 'orders fail' }))
  expect(await rig.during(rig.manager.rollback())).toMatchObject({
    ok: false,
    refusal: { code: 'condemned' },
  })
  expect(rig.manager.status).toMatchObject({
    generation: first,
    disk: { verdict: { by: 'operator', reason: 'orders fail' } },
  })
})

test('a second rollback goes to good code that served earlier', async () => {
  const { options } = world()
  await using rig = await startedRig(options)
  const first = rig.manager.status.generation!
  for (const content of ['v2', 'v3']) {
    rig.files.writeUnseen('app.ts', content)
    await rig.during(rig.manager.reload())
  }
  await rig.during(rig.manager.rollback())
  expect(await rig.during(rig.manager.rollback())).toMatchObject({ ok: true, generation: first })
  expect(rig.routed()).toHaveLength(2)
  expect(await rig.during(rig.manager.rollback())).toMatchObject({
    ok: false,
    refusal: { code: 'condemned' },
  })
})

describe('a start that finds condemned code on disk', () => {
  test('serves the last good code, and says so', async () => {
    const { counts, store, options } = world()
    const { good, bad } = await (async () => {
      await using before = await startedRig(options)
      return await takeBack(before, counts)
    })()
    expect(store).toMatchObject({ findings: { good: { generation: good } }, copies: [good] })
    await using rig = await startedAgain({ counts, store, options }, 'bad')
    expect(rig.manager.status).toMatchObject({
      generation: good,
      disk: { generation: bad, verdict: { by: 'server' } },
      lastRefusal: { code: 'rolled-back', generation: bad },
    })
    expect(rig.events.filter(({ type }) => type === 'condemned-found')).toMatchObject([
      { generation: bad, instead: good },
    ])
    expect(await rig.during(rig.manager.reload())).toMatchObject({
      ok: false,
      refusal: { code: 'condemned' },
    })
    rig.files.writeUnseen('app.ts', 'fixed')
    expect(await rig.during(rig.manager.reload())).toMatchObject({ ok: true, previous: good })
    expect(rig.manager.status.lastRefusal).toBeNull()
  })

  test('serves the condemned code when there is no copy, and says so', async () => {
    const { counts, store, options } = world()
    store.keepFails = new Error('ENOSPC')
    const { bad } = await (async () => {
      await using before = await startedRig(options)
      const found = await takeBack(before, counts)
      expect(before.events).toContainEqual(
        expect.objectContaining({ type: 'warning', message: expect.stringContaining('ENOSPC') }),
      )
      return found
    })()
    counts.clear()
    await using rig = await startedAgain({ counts, store, options }, 'bad')
    expect(rig.manager.status).toMatchObject({ generation: bad, condemned: { generation: bad } })
    expect(rig.events.filter(({ type }) => type === 'condemned-found')).toMatchObject([
      { generation: bad, instead: null },
    ])
  })

  test('serves the condemned code when the copy cannot be used', async () => {
    const { counts, store, options } = world()
    const { bad } = await (async () => {
      await using before = await startedRig(options)
      return await takeBack(before, counts)
    })()
    store.fetchFails = new Error('it is gone')
    await using rig = await startedAgain({ counts, store, options }, 'bad')
    expect(rig.manager.status).toMatchObject({ generation: bad, condemned: { generation: bad } })
    expect(store.findings.good).toBeUndefined()
    expect(rig.events).toContainEqual(
      expect.objectContaining({ type: 'warning', message: expect.stringContaining('it is gone') }),
    )
  })

  test('serves it while there is no room for the copy, which the next start serves again', async () => {
    const { counts, store, options } = world()
    const { good, bad } = await (async () => {
      await using before = await startedRig(options)
      return await takeBack(before, counts)
    })()
    store.fetchFails = new Error("ENOSPC: no space left on device, mkdir '/run/copy'")
    {
      await using rig = await startedAgain({ counts, store, options }, 'bad')
      expect(rig.manager.status.generation).toBe(bad)
    }
    store.fetchFails = undefined
    await using rig = await startedAgain({ counts, store, options }, 'bad')
    expect(rig.manager.status.generation).toBe(good)
  })

  test('serves other code as ever', async () => {
    const { counts, store, options } = world()
    {
      await using before = await startedRig(options)
      await takeBack(before, counts)
    }
    await using rig = await startedAgain({ counts, store, options }, 'fixed')
    expect(rig.manager.status).toMatchObject({ generation: rig.files.generation, disk: { verdict: null } })
  })

  test('also recognises it when only the build tells which files belong to it', async () => {
    const { counts, store, options } = world()
    /** At first part of the content is unknown. */
    const builder: Builder = {
      build: async ({ generation }) => ({
        ok: true,
        snapshot: { generation: `${generation}-whole`, folder: `/run/${generation}` },
      }),
    }
    const whole = { ...options, builder }
    const { good, bad } = await (async () => {
      await using before = await startedRig(whole)
      const good = before.manager.status.generation!
      before.files.writeUnseen('app.ts', 'bad')
      await before.during(before.manager.reload())
      counts.set(before.manager.status.generation!, FAILING)
      await before.clock.advance(1_000)
      return { good, bad: `${before.files.generation}-whole` }
    })()
    await using rig = await startedAgain({ counts, store, options: whole }, 'bad')
    expect(rig.manager.status).toMatchObject({ generation: good, disk: { generation: bad, verdict: {} } })
    expect(await rig.during(rig.manager.reload())).toMatchObject({
      ok: false,
      refusal: { code: 'condemned' },
    })
  })
})

test('the copy is of code that serves well, for as long as there is a verdict', async () => {
  const { counts, store, options } = world()
  await using rig = await startedRig(options)
  rig.files.writeUnseen('app.ts', 'v2')
  await rig.during(rig.manager.reload())
  await rig.clock.advance(WINDOW_MS + 1_000)
  expect(store.copies).toEqual([])
  const { good } = await takeBack(rig, counts)
  expect(store.copies).toEqual([good])
  rig.files.writeUnseen('app.ts', 'fixed')
  await rig.during(rig.manager.reload())
  await rig.clock.advance(WINDOW_MS / 2)
  expect(store.findings.good?.generation).toBe(good)
  await rig.clock.advance(WINDOW_MS)
  expect(store.findings.good?.generation).toBe(rig.files.generation)
})

describe('a reload that waits', () => {
  test('is answered when the answers are no longer watched', async () => {
    const { options } = world()
    await using rig = await startedRig(options)
    rig.files.writeUnseen('app.ts', 'v2')
    let isAnswered = false
    const reload = rig.manager.reload({ wait: true }).finally(() => (isAnswered = true))
    await rig.clock.advance(WINDOW_MS / 2)
    expect(rig.manager.status.generation).toBe(rig.files.generation)
    expect(isAnswered).toBe(false)
    expect(await rig.during(reload)).toMatchObject({ ok: true, generation: rig.files.generation })
  })

  test('is refused when the code is taken back', async () => {
    const { counts, options } = world()
    await using rig = await startedRig(options)
    rig.files.writeUnseen('app.ts', 'bad')
    const reload = rig.manager.reload({ wait: true })
    await rig.clock.advance(1_000)
    counts.set(rig.files.generation, FAILING)
    expect(await rig.during(reload)).toMatchObject({
      ok: false,
      refusal: {
        code: 'rolled-back',
        generation: rig.files.generation,
        message: expect.stringContaining('60 of 200'),
      },
    })
  })

  test('is refused when an operator rolls back from the code', async () => {
    const { options } = world()
    await using rig = await startedRig(options)
    rig.files.writeUnseen('app.ts', 'v2')
    const reload = rig.manager.reload({ wait: true })
    await rig.clock.advance(1_000)
    await rig.during(rig.manager.rollback({ reason: 'orders fail' }))
    expect(await rig.during(reload)).toMatchObject({
      ok: false,
      refusal: { code: 'rolled-back', message: 'orders fail' },
    })
  })

  test('is answered when newer code takes over, when nothing is watched, and when everything stops', async () => {
    const { options } = world()
    await using rig = await startedRig(options)
    rig.files.writeUnseen('app.ts', 'v2')
    const second = rig.manager.reload({ wait: true })
    await rig.clock.advance(1_000)
    rig.files.writeUnseen('app.ts', 'v3')
    const third = rig.manager.reload({ wait: true })
    expect(await rig.during(second)).toMatchObject({ ok: true })
    // A reload of code that serves and is still observed also waits for the end of the observation.
    const again = rig.manager.reload({ wait: true })
    await rig.clock.advance(1_000)
    const closed = rig.manager.close()
    expect(await rig.during(third)).toMatchObject({ ok: false, refusal: { code: 'stopping' } })
    expect(await rig.during(again)).toMatchObject({ ok: false, refusal: { code: 'stopping' } })
    await rig.during(closed)
  })

  test('of code that has served for long is answered at once', async () => {
    const { options } = world()
    await using rig = await startedRig(options)
    expect(await rig.during(rig.manager.reload({ wait: true }))).toMatchObject({ ok: true, unchanged: true })
  })
})
