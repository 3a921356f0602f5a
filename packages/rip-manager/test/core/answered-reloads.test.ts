import { describe, expect, test } from 'bun:test'
import { createRig, startedRig } from './rig.ts'

describe('a reload that begins nothing is reported', () => {
  test('when there is nothing new', async () => {
    await using rig = await startedRig()
    const { generation } = rig.files
    expect(await rig.during(rig.manager.reload())).toMatchObject({ ok: true, unchanged: true })
    expect(rig.events.at(-1)).toMatchObject({ type: 'generation-unchanged', generation })
  })

  test('when what is on disk turns out to be what serves, and then the status shows nothing else there', async () => {
    await using rig = await startedRig({
      builder: {
        build: async ({ files }) => ({ ok: true, snapshot: { generation: `code-${files.get('app.ts')}` } }),
      },
    })
    const { generation } = rig.manager.status
    rig.files.writeUnseen('notes.md', 'of no concern to the code')
    expect(rig.files.generation).not.toBe(generation)
    expect(await rig.during(rig.manager.reload())).toMatchObject({ ok: true, unchanged: true })
    expect(rig.manager.status.disk).toMatchObject({ generation })
  })

  test('when reloads are held', async () => {
    await using rig = await startedRig()
    rig.manager.hold()
    rig.files.writeUnseen('app.ts', 'v2')
    expect(await rig.during(rig.manager.reload())).toMatchObject({ ok: false, refusal: { code: 'held' } })
    expect(rig.events.at(-1)).toMatchObject({ type: 'generation-refused', refusal: { code: 'held' } })
  })

  test('but not when the watcher asked', async () => {
    await using rig = await startedRig()
    rig.manager.hold()
    const before = rig.events.length
    rig.files.write('app.ts', 'v2')
    await rig.clock.advance(5_000)
    expect(rig.events.slice(before).map(({ type }) => type)).not.toContain('generation-refused')
  })
})

describe('while everything stops', () => {
  test.each(['hold', 'resume'] as const)('%s is refused', async (command) => {
    const rig = await startedRig({ stopDelayMs: 5_000 })
    const closing = rig.manager.close()
    expect(() => rig.manager[command]()).toThrow(`cannot ${command}: the manager is stopping`)
    expect(rig.manager.status.held).toBe(false)
    await rig.during(closing)
  })

  test('a manager that has not started yet accepts hold', async () => {
    await using rig = createRig()
    rig.manager.hold()
    await rig.during(rig.manager.start())
    expect(rig.manager.status).toMatchObject({ held: true, readyWorkers: 2 })
  })
})
