import { describe, expect, test } from 'bun:test'
import type { Builder, Tree } from '../../src/contract/ports.ts'
import { createRig, type Rig } from './rig.ts'

/** A tree whose reads wait until they are let through. */
interface SlowReads {
  readonly rig: Rig
  /** Makes reads wait from now on. */
  block(): void
  /** Number of waiting reads. */
  readonly waiting: number
  unblock(): void
}

async function slowReads(options: Parameters<typeof createRig>[0] = {}): Promise<SlowReads> {
  let gate: PromiseWithResolvers<void> | undefined
  let waiting = 0
  const tree: Tree = {
    async read() {
      const state = await rig.files.tree.read()
      if (gate === undefined) return state
      waiting += 1
      await gate.promise
      waiting -= 1
      return state
    },
  }
  const rig = createRig({ tree, ...options })
  await rig.during(rig.manager.start())
  return {
    rig,
    block: () => (gate = Promise.withResolvers()),
    get waiting() {
      return waiting
    },
    unblock() {
      gate?.resolve()
      gate = undefined
    },
  }
}

const cuts = ({ events }: Rig): number => events.filter(({ type }) => type === 'generation-cut').length

/** A reload of new content that is ready to be cut over to, and waits for the last look at the disk. */
async function confirming(
  options: Parameters<typeof createRig>[0] = {},
): Promise<SlowReads & { readonly controller: AbortController; readonly reloading: Promise<unknown> }> {
  const reads = await slowReads(options)
  const { rig } = reads
  const controller = new AbortController()
  rig.files.writeUnseen('app.ts', 'v2')
  const reloading = rig.manager.reload({ signal: controller.signal }).catch((error: unknown) => error)
  await rig.clock.advance(10)
  reads.block()
  await rig.clock.advance(1_000)
  expect(reads.waiting).toBe(1)
  return Object.assign(reads, { controller, reloading })
}

test('the router hears of the workers during the last look at the disk, and switches only after it', async () => {
  const reads = await confirming()
  await using rig = reads.rig
  const { reloading } = reads
  expect(rig.router.calls.slice(2)).toEqual(['prepare w1.2,w2.2'])
  reads.unblock()
  await rig.during(reloading)
  expect(rig.router.calls.slice(2, 4)).toEqual(['prepare w1.2,w2.2', 'cut'])
})

describe('a look at the disk that is no longer wanted changes nothing', () => {
  test('after a reload that was cancelled while it read', async () => {
    const reads = await slowReads()
    await using rig = reads.rig
    const serving = rig.manager.status.generation
    rig.files.writeUnseen('app.ts', 'v2')
    reads.block()
    const controller = new AbortController()
    const reloading = rig.manager.reload({ signal: controller.signal }).catch((error: unknown) => error)
    await rig.clock.advance(100)
    controller.abort(new Error('nobody waits'))
    reads.unblock()
    await rig.clock.advance(5_000)
    expect(await reloading).toMatchObject({ message: 'nobody waits' })
    expect(rig.manager.status.generation).toBe(serving)
    expect([cuts(rig), rig.processes.all.length]).toEqual([1, 2])
  })

  test('after a reload that was cancelled while its content was confirmed', async () => {
    const reads = await confirming()
    await using rig = reads.rig
    reads.controller.abort(new Error('nobody waits'))
    reads.unblock()
    await rig.clock.advance(5_000)
    expect(await reads.reloading).toMatchObject({ message: 'nobody waits' })
    expect([cuts(rig), rig.processes.alive.length]).toEqual([1, 2])
  })

  test('after a candidate that was killed while its content was confirmed', async () => {
    const reads = await confirming()
    await using rig = reads.rig
    rig.processes.last().crash({ signal: 'SIGKILL' })
    reads.unblock()
    await rig.clock.advance(5_000)
    expect(await reads.reloading).toMatchObject({ ok: false, refusal: { code: 'boot-failed' } })
    expect([cuts(rig), rig.processes.alive.length]).toEqual([1, 2])
  })

  test.each([
    ['reads', 'v3'],
    ['confirms', undefined],
  ])('after a rollback that came while a reload %s', async (_, content) => {
    const reads = await slowReads()
    await using rig = reads.rig
    const first = rig.manager.status.generation
    rig.files.writeUnseen('app.ts', 'v2')
    await rig.during(rig.manager.reload())
    rig.files.writeUnseen('app.ts', 'v3')
    if (content !== undefined) reads.block()
    const reloading = rig.manager.reload()
    await rig.clock.advance(10)
    reads.block()
    await rig.clock.advance(1_000)
    const rollback = rig.manager.rollback()
    expect(await rig.during(rollback)).toMatchObject({ ok: true, generation: first })
    reads.unblock()
    await rig.clock.advance(5_000)
    expect(await reloading).toMatchObject({ ok: false, refusal: { code: 'superseded' } })
    expect(rig.manager.status.generation).toBe(first)
  })
})

test('content that the watcher saw is still tried when a command for it is cancelled', async () => {
  const reads = await slowReads()
  await using rig = reads.rig
  reads.block()
  rig.files.write('app.ts', 'v2')
  const controller = new AbortController()
  const reloading = rig.manager.reload({ signal: controller.signal }).catch(() => {})
  await rig.clock.advance(10)
  controller.abort()
  await reloading
  reads.unblock()
  await rig.clock.advance(1_000)
  expect(rig.manager.status.generation).toBe(rig.files.generation)
})

test('content that was refused, and is on disk again when other content is confirmed, ends the reload', async () => {
  const reads = await slowReads()
  await using rig = reads.rig
  rig.processes.behave({ exitsAtBoot: 1 })
  rig.files.write('app.ts', 'broken')
  await rig.clock.advance(1_000)
  rig.processes.behave({})
  rig.files.write('app.ts', 'v2')
  await rig.clock.advance(50)
  rig.files.writeUnseen('app.ts', 'broken')
  await rig.clock.advance(5_000)
  expect(rig.processes.alive).toHaveLength(2)
  expect(rig.events.at(-1)).not.toMatchObject({ type: 'generation-building' })
  expect(rig.events).toContainEqual(
    expect.objectContaining({
      type: 'generation-refused',
      refusal: expect.objectContaining({ code: 'superseded' }),
    }),
  )
})

test('a reload that joins a last look at a disk that cannot be read is answered', async () => {
  const reads = await slowReads()
  await using rig = reads.rig
  rig.files.writeUnseen('app.ts', 'v2')
  const first = rig.manager.reload()
  await rig.clock.advance(10)
  const second = Promise.withResolvers<unknown>()
  let reading = 0
  rig.files.tree.read = async () => {
    reading += 1
    if (reading === 1) second.resolve(rig.manager.reload())
    throw new Error('EIO')
  }
  expect(await rig.during(first)).toMatchObject({ ok: false, refusal: { message: 'EIO' } })
  expect(await rig.during(second.promise)).toMatchObject({ ok: false, refusal: { message: 'EIO' } })
})

describe('every reload with an event for its beginning has one for its end', () => {
  const failure = { kind: 'compile', message: 'half a file' } as const

  function endings({ events }: Rig): string[] {
    const ends = ['generation-building', 'generation-cut', 'generation-refused', 'generation-unchanged']
    return events.map(({ type }) => type as string).filter((type) => ends.includes(type))
  }

  test.each<[string, Builder['build'], (rig: Rig) => void]>([
    ['was half-written and is as before', async () => ({ ok: false, failure }), () => {}],
    ['was written meanwhile and is as before', async () => ({ ok: false, changed: 'app.ts' }), () => {}],
    [
      'cannot be read any more',
      async () => ({ ok: false, failure }),
      ({ files }) => (files.tree.read = () => Promise.reject(new Error('EIO'))),
    ],
  ])('whose content %s', async (_, build, then) => {
    let rig: Rig | undefined
    const builder: Builder = {
      build: async (state, options) => {
        if (rig === undefined) return { ok: true, snapshot: { generation: state.generation } }
        rig.files.writeUnseen('app.ts', 'v1')
        then(rig)
        return build(state, options)
      },
    }
    const created = createRig({ builder })
    await created.during(created.manager.start())
    rig = created
    rig.files.write('app.ts', 'v2')
    await rig.clock.advance(5_000)
    const [begun, ...ended] = endings(rig).slice(2)
    expect(begun).toBe('generation-building')
    expect(ended).toHaveLength(1)
    await rig[Symbol.asyncDispose]()
  })

  test('whose content was half-written, and which was cancelled', async () => {
    let broken = false
    const builder: Builder = {
      build: async ({ generation }) =>
        broken ? { ok: false, failure } : { ok: true, snapshot: { generation } },
    }
    await using rig = createRig({ builder })
    await rig.during(rig.manager.start())
    broken = true
    rig.files.writeUnseen('app.ts', 'v2')
    const controller = new AbortController()
    const reloading = rig.manager.reload({ signal: controller.signal }).catch(() => {})
    await rig.clock.advance(100)
    controller.abort()
    await reloading
    await rig.clock.advance(5_000)
    expect(endings(rig).slice(2)).toEqual(['generation-building', 'generation-refused'])
  })
})

describe('a candidate that is being switched to keeps its workers', () => {
  test.each(['leaves', 'stands still'])(
    'when a worker of it %s before the router has answered',
    async (how) => {
      await using rig = createRig({ stuckAfterMs: 4_000 })
      await rig.during(rig.manager.start())
      const switched = Promise.withResolvers<void>()
      const cut = rig.router.cut.bind(rig.router)
      rig.router.cut = async (generation) => {
        await cut(generation)
        await switched.promise
      }
      rig.files.writeUnseen('app.ts', 'v2')
      const reloading = rig.manager.reload()
      await rig.clock.advance(1_000)
      const worker = rig.processes.alive.at(-1)!
      expect(rig.router.serving).toBe(rig.files.generation)
      if (how === 'leaves') worker.say({ type: 'leaving', reason: 'signal', inFlight: 0 })
      else worker.freeze()
      await rig.clock.advance(6_000)
      expect(rig.processes.alive.filter(({ generation }) => generation === rig.files.generation)).not.toEqual(
        [],
      )
      switched.resolve()
      expect(await rig.during(reloading)).toMatchObject({ ok: true, generation: rig.files.generation })
      await rig.clock.advance(5_000)
      expect(rig.routed()).toHaveLength(2)
    },
  )
})
