import { describe, expect, test } from 'bun:test'
import type { Builder, ComparedGroup, ResponseCounts } from '../../src/contract/ports.ts'
import { type Rig, startedRig } from './rig.ts'

/** A router that counts 100 answers with one error for every generation, unless set otherwise. */
function observing(counts: Map<string, ResponseCounts>): Parameters<typeof startedRig>[0] {
  const observer = {
    read: async (generation: string) => counts.get(generation) ?? { requests: 100, errors: 1 },
  }
  return { observe: { observer, windowMs: 20_000 } }
}

async function admitSecond(rig: Rig): Promise<string> {
  rig.files.write('app.ts', 'v2')
  await rig.clock.advance(400)
  return rig.files.generation
}

describe('after a cut', () => {
  test('the previous generation stands by until the window closes', async () => {
    await using rig = await startedRig(observing(new Map()))
    await admitSecond(rig)
    await rig.clock.advance(10_000)
    expect(rig.processes.alive).toHaveLength(4)
    await rig.clock.advance(12_000)
    expect(rig.processes.alive).toHaveLength(2)
  })

  test('too many failed answers bring it back at once, with the figures', async () => {
    const counts = new Map<string, ResponseCounts>()
    await using rig = await startedRig(observing(counts))
    const first = rig.manager.status.generation!
    const second = await admitSecond(rig)
    counts.set(second, { requests: 300, errors: 61 })
    await rig.clock.advance(1_000)
    expect(rig.manager.status.generation).toBe(first)
    expect(rig.routed()).toEqual(['w1.1', 'w2.1'])
    expect(rig.events.find((event) => event.type === 'rolled-back')).toMatchObject({
      from: second,
      to: first,
      reason: '60 of 200 answers failed (30.0 %); it was 1.0 % before',
    })
    await rig.clock.advance(30_000)
    expect(rig.manager.status).toMatchObject({ generation: first, health: 'ok' })
    expect(rig.processes.all).toHaveLength(4)
    expect(rig.manager.status.lastRefusal).toMatchObject({ code: 'rolled-back', generation: second })
  })

  test('content that was taken back is not tried again before it changes', async () => {
    const counts = new Map<string, ResponseCounts>()
    await using rig = await startedRig(observing(counts))
    const first = rig.manager.status.generation!
    const second = await admitSecond(rig)
    counts.set(second, { requests: 300, errors: 61 })
    await rig.clock.advance(1_000)
    rig.files.write('app.ts', 'v2')
    await rig.clock.advance(30_000)
    expect(rig.manager.status.generation).toBe(first)
    rig.files.write('app.ts', 'v3')
    await rig.clock.advance(1_000)
    expect(rig.manager.status).toMatchObject({ generation: rig.files.generation, lastRefusal: null })
  })

  test('a router whose counts begin anew is believed', async () => {
    const counts = new Map<string, ResponseCounts>()
    await using rig = await startedRig(observing(counts))
    const first = rig.manager.status.generation!
    const second = await admitSecond(rig)
    counts.set(second, { requests: 80, errors: 60 })
    await rig.clock.advance(1_000)
    expect(rig.manager.status.generation).toBe(first)
  })

  test('a router that takes longer to answer than looks are apart is believed, too', async () => {
    const counts = new Map<string, ResponseCounts>()
    const { observe } = observing(counts)!
    let clock: Rig['clock'] | undefined
    const read = async (generation: string): Promise<ResponseCounts> => {
      const { promise, resolve } = Promise.withResolvers<ResponseCounts>()
      clock?.after(250, () => resolve(counts.get(generation) ?? { requests: 100, errors: 1 }))
      return promise
    }
    await using rig = await startedRig({ observe: { ...observe!, observer: { read } } })
    ;({ clock } = rig)
    const first = rig.manager.status.generation!
    const second = await admitSecond(rig)
    await rig.clock.advance(500)
    counts.set(second, { requests: 300, errors: 61 })
    await rig.clock.advance(1_000)
    expect(rig.manager.status.generation).toBe(first)
  })

  test('a few failures among equally few answers count as chance', async () => {
    const counts = new Map<string, ResponseCounts>()
    await using rig = await startedRig(observing(counts))
    const second = await admitSecond(rig)
    counts.set(second, { requests: 160, errors: 9 })
    await rig.clock.advance(30_000)
    expect(rig.manager.status.generation).toBe(second)
  })

  test('too few answers decide nothing', async () => {
    const counts = new Map<string, ResponseCounts>()
    await using rig = await startedRig(observing(counts))
    const second = await admitSecond(rig)
    counts.set(second, { requests: 120, errors: 20 })
    await rig.clock.advance(30_000)
    expect(rig.manager.status.generation).toBe(second)
  })

  test('as many failures as before take nothing back', async () => {
    const counts = new Map<string, ResponseCounts>()
    await using rig = await startedRig(observing(counts))
    counts.set(rig.manager.status.generation!, { requests: 100, errors: 30 })
    const second = await admitSecond(rig)
    counts.set(second, { requests: 300, errors: 61 })
    await rig.clock.advance(30_000)
    expect(rig.manager.status.generation).toBe(second)
  })

  test('a reload that is refused meanwhile does not keep the bad generation', async () => {
    const counts = new Map<string, ResponseCounts>()
    await using rig = await startedRig(observing(counts))
    const first = rig.manager.status.generation!
    const second = await admitSecond(rig)
    rig.processes.behave({ exitsAtBoot: 1 })
    rig.files.write('app.ts', 'broken')
    await rig.clock.advance(1_000)
    expect(rig.manager.status).toMatchObject({ generation: second, lastRefusal: { code: 'boot-failed' } })
    counts.set(second, { requests: 300, errors: 61 })
    await rig.clock.advance(1_000)
    expect(rig.manager.status.generation).toBe(first)
  })

  test('content that is saved during the return is tried afterwards', async () => {
    const counts = new Map<string, ResponseCounts>()
    await using rig = await startedRig(observing(counts))
    const first = rig.manager.status.generation!
    const second = await admitSecond(rig)
    const cut = rig.router.cut.bind(rig.router)
    const switched = Promise.withResolvers<void>()
    rig.router.cut = async (generation) => {
      await switched.promise
      return cut(generation)
    }
    rig.processes.behave({ exitsAtBoot: 1 })
    counts.set(second, { requests: 300, errors: 61 })
    await rig.clock.advance(1_000)
    rig.files.write('app.ts', 'broken')
    await rig.clock.advance(1_000)
    switched.resolve()
    await rig.clock.advance(1_000)
    expect(rig.manager.status).toMatchObject({ generation: first, lastRefusal: { code: 'boot-failed' } })
  })

  test('a rollback by command uses the workers that stand by', async () => {
    await using rig = await startedRig(observing(new Map()))
    await admitSecond(rig)
    await rig.during(rig.manager.rollback())
    expect(rig.routed()).toEqual(['w1.1', 'w2.1'])
    expect(rig.processes.all).toHaveLength(4)
  })
})

describe('where lots can be drawn', () => {
  const alike = {
    history: 50,
    requests: 120,
    failed: 60,
    requestsBefore: 120,
    failedBefore: 60,
    refusedBefore: 0,
  }
  const worse = { ...alike, failedBefore: 0 }

  /** A router whose results of lots the test sets; it records since when and how often it was asked. */
  function drawing(group: ComparedGroup | (() => ComparedGroup)): {
    readonly options: Parameters<typeof startedRig>[0]
    readonly counts: Map<string, ResponseCounts>
    readonly asked: string[]
  } {
    const counts = new Map<string, ResponseCounts>()
    const asked: string[] = []
    const observer = {
      read: async (generation: string) => counts.get(generation) ?? { requests: 100, errors: 1 },
      compare: async (before: string) => {
        asked.push(before)
        const groups = [typeof group === 'function' ? group() : group]
        return { kinds: groups, clients: groups }
      },
    }
    return { options: { observe: { observer, windowMs: 20_000 } }, counts, asked }
  }

  test('failures alone take nothing back: they start a comparison by lot', async () => {
    const { options, counts, asked } = drawing(alike)
    await using rig = await startedRig(options)
    const first = rig.manager.status.generation!
    const second = await admitSecond(rig)
    expect(asked).toEqual([])
    counts.set(second, { requests: 300, errors: 200 })
    await rig.clock.advance(1_000)
    expect(new Set(asked)).toEqual(new Set([first]))
    await rig.clock.advance(60_000)
    const told = rig.events.filter(({ type }) => /suspected|cleared/.test(type))
    expect(told[0]).toMatchObject({ generation: second, previous: first, errors: 199, requests: 200 })
    expect(told[1]).toMatchObject({ type: 'generation-cleared', generation: second })
    expect(rig.manager.status).toMatchObject({ generation: second, health: 'ok', lastRefusal: null })
    expect(rig.processes.alive).toHaveLength(2)
  })

  test('code that loses the comparison is taken back at once, with the figures', async () => {
    const { options, counts } = drawing(worse)
    await using rig = await startedRig(options)
    const first = rig.manager.status.generation!
    const second = await admitSecond(rig)
    counts.set(second, { requests: 110, errors: 6 })
    await rig.clock.advance(500)
    expect(rig.manager.status.generation).toBe(first)
    expect(rig.events.find((event) => event.type === 'rolled-back')).toMatchObject({
      from: second,
      to: first,
      reason: '60 of 120 answers failed (50.0 %); it was 0.0 % before',
    })
  })

  test('a generation that was cleared needs twice as many failures to be suspected again', async () => {
    let verdict: ComparedGroup = alike
    const { options, counts, asked } = drawing(() => verdict)
    await using rig = await startedRig(options)
    const first = rig.manager.status.generation!
    const second = await admitSecond(rig)
    counts.set(second, { requests: 110, errors: 9 })
    await rig.clock.advance(1_000)
    const looks = asked.length
    expect(looks).toBeGreaterThan(0)
    counts.set(second, { requests: 120, errors: 18 })
    await rig.clock.advance(1_000)
    expect(asked).toHaveLength(looks)
    verdict = worse
    counts.set(second, { requests: 140, errors: 30 })
    await rig.clock.advance(1_000)
    expect(rig.manager.status.generation).toBe(first)
  })

  test('clients that make answers fail again and again cannot keep the previous code from leaving', async () => {
    const { options, counts } = drawing(alike)
    await using rig = await startedRig(options)
    const second = await admitSecond(rig)
    let requests = 100
    for (let elapsed = 0; elapsed < 45; elapsed++) {
      requests *= 2
      counts.set(second, { requests, errors: requests })
      await rig.clock.advance(1_000)
    }
    expect(rig.processes.alive).toHaveLength(2)
    expect(rig.manager.status.generation).toBe(second)
  })

  test('workers in a comparison are not told to leave before the router has finished with them', async () => {
    const { options, counts } = drawing({ ...alike, requests: 20, requestsBefore: 20 })
    await using rig = await startedRig(options)
    const second = await admitSecond(rig)
    counts.set(second, { requests: 200, errors: 90 })
    await rig.clock.advance(19_900)
    rig.router.keepDraining(true)
    await rig.clock.advance(300)
    const [old] = rig.processes.all
    expect(rig.router.calls.at(-1)).toContain('drain')
    const told = (): boolean => old!.received.some(({ type }) => type === 'drain')
    await rig.clock.advance(1_000)
    expect(told()).toBe(false)
    await rig.clock.advance(2_000)
    expect(told()).toBe(true)
    rig.router.keepDraining(false)
  })

  test('a crash starts a comparison, and a few lost requests decide it', async () => {
    const { options, asked } = drawing({ ...worse, requests: 3, failed: 3, requestsBefore: 9 })
    await using rig = await startedRig(options)
    const first = rig.manager.status.generation!
    const second = await admitSecond(rig)
    await rig.clock.advance(1_000)
    expect(asked).toEqual([])
    rig.processes.alive.find(({ generation }) => generation === second)!.crash()
    await rig.clock.advance(1_000)
    expect(asked[0]).toBe(first)
    expect(rig.manager.status.generation).toBe(first)
  })

  test('a machine that starts no process is no crash of the code', async () => {
    const { options, asked } = drawing(worse)
    await using rig = await startedRig(options)
    const second = await admitSecond(rig)
    await rig.clock.advance(5_000)
    rig.processes.refuse('EAGAIN')
    rig.processes.alive.find(({ generation }) => generation === second)!.crash({ signal: 'SIGKILL' })
    await rig.clock.advance(5_000)
    expect(rig.manager.status.readyWorkers).toBe(1)
    rig.processes.refuse(undefined)
    await rig.clock.advance(60_000)
    expect(asked).toEqual([])
    expect(rig.manager.status).toMatchObject({ generation: second, readyWorkers: 2, health: 'ok' })
  })

  test('code in a crash loop keeps the previous code, which takes its requests', async () => {
    const { options } = drawing({ ...alike, requests: 2, failed: 1, requestsBefore: 2 })
    await using rig = await startedRig(options)
    const second = await admitSecond(rig)
    for (let crash = 0; crash < 60; crash++) {
      rig.processes.alive.find(({ generation }) => generation === second)?.crash()
      await rig.clock.advance(500)
    }
    expect(rig.manager.status.health).toBe('crash-loop')
    const standing = rig.processes.alive.filter(({ generation }) => generation !== second)
    expect(standing).toHaveLength(2)
  })

  test('workers that die during a comparison are replaced soon, so that it can go on', async () => {
    const { options } = drawing({ ...alike, requests: 2, failed: 1, requestsBefore: 2 })
    await using rig = await startedRig(options)
    const second = await admitSecond(rig)
    for (let crash = 0; crash < 60; crash++) {
      rig.processes.alive.find(({ generation }) => generation === second)?.crash()
      await rig.clock.advance(500)
    }
    const exits = rig.events.filter((event) => event.type === 'worker-exited')
    const delays = (fromMs: number, toMs: number): number[] =>
      exits
        .filter(({ atMs }) => atMs - exits[0]!.atMs >= fromMs && atMs - exits[0]!.atMs < toMs)
        .map(({ respawnInMs }) => respawnInMs!)
    expect(delays(0, 20_000).length).toBeGreaterThan(30)
    expect(Math.max(...delays(0, 20_000))).toBe(250)
    expect(Math.max(...delays(20_000, 60_000))).toBeGreaterThan(1_000)
  })

  test('a crash late in the window extends it for the comparison', async () => {
    let lost = { ...worse, requests: 1, failed: 1, requestsBefore: 1 }
    const { options } = drawing(() => lost)
    await using rig = await startedRig(options)
    const first = rig.manager.status.generation!
    const second = await admitSecond(rig)
    await rig.clock.advance(19_000)
    rig.processes.alive.find(({ generation }) => generation === second)!.crash()
    await rig.clock.advance(5_000)
    expect(rig.processes.alive.filter(({ generation }) => generation === first)).toHaveLength(2)
    lost = { ...worse, requests: 4, failed: 4, requestsBefore: 4 }
    await rig.clock.advance(1_000)
    expect(rig.manager.status.generation).toBe(first)
  })

  test('a router that cannot compare now is asked again', async () => {
    let able = false
    const { options, counts } = drawing(() => {
      if (!able) throw new Error('not now')
      return worse
    })
    await using rig = await startedRig(options)
    const first = rig.manager.status.generation!
    const second = await admitSecond(rig)
    counts.set(second, { requests: 200, errors: 90 })
    await rig.clock.advance(1_000)
    expect(rig.manager.status.generation).toBe(second)
    able = true
    await rig.clock.advance(1_000)
    expect(rig.manager.status.generation).toBe(first)
  })
})

describe('a generation whose workers run what is on disk', () => {
  const builder: Builder = {
    build: async ({ generation }) => ({ ok: true, snapshot: { generation, isUnfrozen: true } }),
  }

  test('can be returned to while its workers stand by', async () => {
    await using rig = await startedRig({ ...observing(new Map()), builder })
    const before = rig.manager.status.generation!
    await admitSecond(rig)
    expect(await rig.during(rig.manager.rollback())).toMatchObject({ ok: true, generation: before })
    expect(rig.routed()).toEqual(['w1.1', 'w2.1'])
    expect(rig.processes.all).toHaveLength(4)
  })

  test('cannot be returned to once they have gone', async () => {
    await using rig = await startedRig({ ...observing(new Map()), builder })
    const before = rig.manager.status.generation!
    const generation = await admitSecond(rig)
    await rig.clock.advance(60_000)
    const back = rig.during(rig.manager.rollback())
    expect(back).rejects.toMatchObject({ code: 'GENERATION_NOT_KEPT', detail: { generation: before } })
    await rig.clock.advance(100)
    expect(rig.manager.status.generation).toBe(generation)
  })
})
