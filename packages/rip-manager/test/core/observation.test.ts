import { describe, expect, test } from 'bun:test'
import type { ResponseCounts } from '../../src/ports.ts'
import { type Rig, startedRig } from './rig.ts'

/** A router that counts 100 answers with one error for every generation, unless told otherwise. */
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
  test('the generation before stands by until the window closes', async () => {
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
    const first = rig.manager.snapshot.generation!
    const second = await admitSecond(rig)
    counts.set(second, { requests: 300, errors: 61 })
    await rig.clock.advance(1_000)
    expect(rig.manager.snapshot.generation).toBe(first)
    expect(rig.routed()).toEqual(['w1.1', 'w2.1'])
    expect(rig.events.find((event) => event.type === 'rolled-back')).toMatchObject({
      from: second,
      to: first,
      because: '60 of 200 answers failed (30.0 %); it was 1.0 % before',
    })
    await rig.clock.advance(30_000)
    expect(rig.manager.snapshot).toMatchObject({ generation: first, health: 'ok' })
    expect(rig.processes.all).toHaveLength(4)
    expect(rig.manager.snapshot.lastRefusal).toMatchObject({ code: 'rolled-back', generation: second })
  })

  test('what was taken back is not tried again before it changes', async () => {
    const counts = new Map<string, ResponseCounts>()
    await using rig = await startedRig(observing(counts))
    const first = rig.manager.snapshot.generation!
    const second = await admitSecond(rig)
    counts.set(second, { requests: 300, errors: 61 })
    await rig.clock.advance(1_000)
    rig.files.write('app.ts', 'v2')
    await rig.clock.advance(30_000)
    expect(rig.manager.snapshot.generation).toBe(first)
    rig.files.write('app.ts', 'v3')
    await rig.clock.advance(1_000)
    expect(rig.manager.snapshot).toMatchObject({ generation: rig.files.generation, lastRefusal: null })
  })

  test('a router that began to count anew is believed', async () => {
    const counts = new Map<string, ResponseCounts>()
    await using rig = await startedRig(observing(counts))
    const first = rig.manager.snapshot.generation!
    const second = await admitSecond(rig)
    counts.set(second, { requests: 80, errors: 60 })
    await rig.clock.advance(1_000)
    expect(rig.manager.snapshot.generation).toBe(first)
  })

  test('a few failures among as few answers are chance', async () => {
    const counts = new Map<string, ResponseCounts>()
    await using rig = await startedRig(observing(counts))
    const second = await admitSecond(rig)
    counts.set(second, { requests: 160, errors: 9 })
    await rig.clock.advance(30_000)
    expect(rig.manager.snapshot.generation).toBe(second)
  })

  test('too few answers say nothing', async () => {
    const counts = new Map<string, ResponseCounts>()
    await using rig = await startedRig(observing(counts))
    const second = await admitSecond(rig)
    counts.set(second, { requests: 120, errors: 20 })
    await rig.clock.advance(30_000)
    expect(rig.manager.snapshot.generation).toBe(second)
  })

  test('as many failures as before are no reason', async () => {
    const counts = new Map<string, ResponseCounts>()
    await using rig = await startedRig(observing(counts))
    counts.set(rig.manager.snapshot.generation!, { requests: 100, errors: 30 })
    const second = await admitSecond(rig)
    counts.set(second, { requests: 300, errors: 61 })
    await rig.clock.advance(30_000)
    expect(rig.manager.snapshot.generation).toBe(second)
  })

  test('a reload that is refused meanwhile does not keep the bad generation', async () => {
    const counts = new Map<string, ResponseCounts>()
    await using rig = await startedRig(observing(counts))
    const first = rig.manager.snapshot.generation!
    const second = await admitSecond(rig)
    rig.processes.behave({ exitsAtBoot: 1 })
    rig.files.write('app.ts', 'broken')
    await rig.clock.advance(1_000)
    expect(rig.manager.snapshot).toMatchObject({ generation: second, lastRefusal: { code: 'boot-failed' } })
    counts.set(second, { requests: 300, errors: 61 })
    await rig.clock.advance(1_000)
    expect(rig.manager.snapshot.generation).toBe(first)
  })

  test('what is saved on the way back is tried afterwards', async () => {
    const counts = new Map<string, ResponseCounts>()
    await using rig = await startedRig(observing(counts))
    const first = rig.manager.snapshot.generation!
    const second = await admitSecond(rig)
    const cut = rig.upstreams.cut.bind(rig.upstreams)
    const switched = Promise.withResolvers<void>()
    rig.upstreams.cut = async (generation) => {
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
    expect(rig.manager.snapshot).toMatchObject({ generation: first, lastRefusal: { code: 'boot-failed' } })
  })

  test('a rollback by command uses the workers that stand by', async () => {
    await using rig = await startedRig(observing(new Map()))
    await admitSecond(rig)
    await rig.during(rig.manager.rollback())
    expect(rig.routed()).toEqual(['w1.1', 'w2.1'])
    expect(rig.processes.all).toHaveLength(4)
  })
})
