import { expect, test } from 'bun:test'
import type { Builder, Snapshot } from '../../src/contract/ports.ts'
import { createRig, type Rig, startedRig } from './rig.ts'

/** Builds at once; only `app.ts` is code. After the build the file is written, as by an application that boots. */
function builderThatSees(write: (build: number) => void): Builder {
  let builds = 0
  return {
    async build({ generation, files }) {
      write((builds += 1))
      const changedIn: NonNullable<Snapshot['changedIn']> = (now) =>
        files.get('app.ts') === now.files.get('app.ts') ? undefined : 'app.ts'
      return { ok: true, snapshot: { generation, changedIn } }
    },
  }
}

function writing(file: string, from = 1): { readonly builder: Builder; rig: Rig | undefined } {
  const world = {
    rig: undefined as Rig | undefined,
    builder: builderThatSees((build) => {
      if (build >= from) world.rig?.files.writeUnseen(file, `written by boot ${build}`)
    }),
  }
  return world
}

const count = ({ events }: Rig, type: string): number => events.filter((event) => event.type === type).length

const warnings = ({ events }: Rig): readonly string[] =>
  events.flatMap((event) => (event.type === 'warning' ? [event.message] : []))

test('a start continues when the application writes data at each boot', async () => {
  const world = writing('build-info.json')
  await using rig = createRig({ builder: world.builder })
  world.rig = rig
  await rig.during(rig.manager.start())
  expect([count(rig, 'starting'), count(rig, 'generation-refused'), warnings(rig)]).toEqual([1, 0, []])
})

test('a reload continues when the application writes data meanwhile', async () => {
  const world = writing('uploads/1.txt', 2)
  await using rig = await startedRig({ builder: world.builder })
  world.rig = rig
  rig.files.writeUnseen('app.ts', 'v2')
  const { generation } = rig.files
  expect(await rig.during(rig.manager.reload())).toMatchObject({ ok: true, generation })
  expect([count(rig, 'generation-building'), count(rig, 'generation-refused')]).toEqual([2, 0])
})

test('a watched application gets data that was written during a start with a later reload', async () => {
  const world: { rig?: Rig } = {}
  const builder = builderThatSees((build) => {
    if (build === 1) world.rig?.files.write('data.json', 'written at boot')
  })
  await using rig = createRig({ builder })
  world.rig = rig
  await rig.during(rig.manager.start())
  expect(count(rig, 'starting')).toBe(1)
  await rig.clock.advance(5_000)
  expect(rig.manager.status).toMatchObject({ generation: rig.files.generation, reloads: { admitted: 2 } })
})

test('a start whose code changes at each boot goes on after two attempts, and the file is named', async () => {
  const world = writing('app.ts')
  await using rig = createRig({ builder: world.builder })
  world.rig = rig
  await rig.during(rig.manager.start())
  expect([count(rig, 'generation-building'), count(rig, 'generation-refused')]).toEqual([3, 2])
  expect(warnings(rig)).toEqual([expect.stringMatching(/^app\.ts changed again and again/)])
})

test('a reload whose code changes at each boot goes on after two attempts, and the file is named', async () => {
  const world = writing('app.ts', 2)
  await using rig = await startedRig({ builder: world.builder })
  world.rig = rig
  rig.files.writeUnseen('app.ts', 'v2')
  expect(await rig.during(rig.manager.reload())).toMatchObject({ ok: true, unchanged: false })
  expect([count(rig, 'generation-building'), count(rig, 'generation-refused')]).toEqual([4, 2])
  expect(warnings(rig)).toEqual([expect.stringMatching(/^app\.ts changed again and again/)])
})

const BUILD_MS = 400

test('a change is served although files are written faster than code is built', async () => {
  const world: { rig?: Rig } = {}
  const builder: Builder = {
    async build({ generation }) {
      await new Promise<void>((built) => void world.rig?.clock.after(BUILD_MS, built))
      return { ok: true, snapshot: { generation } }
    },
  }
  await using rig = createRig({ builder })
  world.rig = rig
  await rig.during(rig.manager.start())
  const before = rig.manager.status.generation
  rig.files.write('app.ts', 'v2')
  for (let n = 0; n < 40; n += 1) {
    rig.files.write(`pages/${n}.md`, 'written')
    await rig.clock.advance(BUILD_MS / 2)
  }
  expect(rig.manager.status.generation).not.toBe(before)
  await rig.clock.advance(5_000)
  expect(rig.manager.status.generation).toBe(rig.files.generation)
})
