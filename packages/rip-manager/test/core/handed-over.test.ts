import { expect, test } from 'bun:test'
import type { Tree, TreeState, Watcher } from '../../src/contract/ports.ts'
import { createRig, type Rig } from './rig.ts'

const builds = ({ events }: Rig): number => events.filter(({ type }) => type === 'generation-building').length

interface WatchedRig {
  readonly rig: Rig
  /** The watcher has read the disk, or only reports that something may have changed. */
  readonly wake: (tree?: TreeState) => void
  readonly reads: () => number
  /** Makes reads wait until the returned function is called. */
  readonly block: () => () => void
}

async function watchedRig(): Promise<WatchedRig> {
  let reads = 0
  let wake: (tree?: TreeState) => void = () => {}
  let gate: Promise<void> | undefined
  const tree: Tree = {
    async read() {
      reads += 1
      await gate
      return rig.files.tree.read()
    },
  }
  const watcher: Watcher = {
    start: async (_root, onChange) => void (wake = onChange),
    close: async () => {},
  }
  const rig = createRig({ tree, watcher })
  await rig.during(rig.manager.start())
  return {
    rig,
    wake: (seen) => wake(seen),
    reads: () => reads,
    block() {
      const { promise, resolve } = Promise.withResolvers<void>()
      gate = promise
      return () => {
        gate = undefined
        resolve()
      }
    },
  }
}

test('content that the watcher has read is read again only to confirm it before the cut', async () => {
  const { rig: owned, wake, reads } = await watchedRig()
  await using rig = owned
  const before = reads()
  rig.files.writeUnseen('app.ts', 'v2')
  wake(await rig.files.tree.read())
  await rig.clock.advance(2_000)
  expect(rig.manager.status).toMatchObject({ generation: rig.files.generation, lastRefusal: null })
  expect(reads() - before).toBe(1)
})

test('a watcher that has not read makes the manager read', async () => {
  const { rig: owned, wake, reads } = await watchedRig()
  await using rig = owned
  const before = reads()
  rig.files.writeUnseen('app.ts', 'v2')
  wake()
  await rig.clock.advance(2_000)
  expect(rig.manager.status.generation).toBe(rig.files.generation)
  expect(reads() - before).toBe(2)
})

test('content that has changed since the watcher read it never serves', async () => {
  const { rig: owned, wake } = await watchedRig()
  await using rig = owned
  rig.files.writeUnseen('app.ts', 'v2')
  const outdated = await rig.files.tree.read()
  rig.files.writeUnseen('app.ts', 'v3')
  wake(outdated)
  await rig.clock.advance(3_000)
  expect(rig.manager.status.generation).toBe(rig.files.generation)
  const cuts = rig.events.flatMap((event) => (event.type === 'generation-cut' ? [event.generation] : []))
  expect(cuts).not.toContain(outdated.generation)
})

test("while an operator's command reads the disk, the content of the watcher waits for that", async () => {
  const { rig: owned, wake, block } = await watchedRig()
  await using rig = owned
  const before = builds(rig)
  const unblock = block()
  const reloading = rig.manager.reload()
  await rig.clock.advance(10)
  rig.files.writeUnseen('app.ts', 'v2')
  wake(await rig.files.tree.read())
  await rig.clock.advance(10)
  expect(builds(rig)).toBe(before)
  unblock()
  expect(await rig.during(reloading)).toMatchObject({ ok: true })
  await rig.clock.advance(2_000)
  expect(rig.manager.status.generation).toBe(rig.files.generation)
})
