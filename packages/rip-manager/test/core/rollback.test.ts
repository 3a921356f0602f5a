import { describe, expect, test } from 'bun:test'
import type { Builder } from '../../src/contract/ports.ts'
import { startedRig, type Rig } from './rig.ts'

/** Names generations by their code only, without data. */
const namedByCode: Builder = {
  build: async ({ files }) => ({ ok: true, snapshot: { generation: `code-${files.get('app.ts')}` } }),
}

/** Reloads, and waits until the previous generation has ended. Returns both generations. */
async function reloaded(rig: Rig): Promise<{ readonly first: string; readonly second: string }> {
  const first = rig.manager.status.generation!
  rig.files.writeUnseen('app.ts', 'v2')
  expect(await rig.during(rig.manager.reload())).toMatchObject({ ok: true })
  await rig.clock.advance(60_000)
  return { first, second: rig.manager.status.generation! }
}

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
