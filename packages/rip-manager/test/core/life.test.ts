import { describe, expect, test } from 'bun:test'
import { createRig, startedRig } from './rig.ts'

describe('start', () => {
  test('boots one candidate first, then the rest, and cuts over when all are ready', async () => {
    await using rig = createRig({ workers: 3 })
    const started = rig.manager.start()
    await rig.clock.advance(50)
    expect(rig.processes.all).toHaveLength(1)
    await rig.during(started)
    expect(rig.processes.all).toHaveLength(3)
    expect(rig.router.calls).toEqual(['prepare w1.1,w2.1,w3.1', 'cut'])
    expect(rig.manager.status.health).toBe('ok')
  })

  test('tells the router which workers take HTTP/2, by their own word', async () => {
    await using rig = createRig({ workers: 2 })
    rig.processes.behave(({ env }) => ({ http2: env['RIP_WORKER_ID'] === '1' }))
    await rig.during(rig.manager.start())
    expect(rig.router.rotation.map(({ id, http2 }) => [id, http2])).toEqual([
      ['w1.1', true],
      ['w2.1', false],
    ])
  })

  test('continues with newer content that was written meanwhile', async () => {
    await using rig = createRig()
    const started = rig.manager.start()
    await rig.clock.advance(50)
    rig.files.writeUnseen('app.ts', 'v2')
    await rig.during(started)
    expect(rig.manager.status.generation).toBe(rig.files.generation)
  })

  test('rejects with the reason of the application, which is started only once', async () => {
    await using rig = createRig({ workers: 3 })
    const failure = { kind: 'import', message: 'cannot find package "left-pad"' } as const
    rig.processes.behave({ failure })
    const error: unknown = await rig.during(rig.manager.start()).catch((reason: unknown) => reason)
    expect(error).toMatchObject({
      code: 'BOOT_REFUSED',
      detail: { refusal: { code: 'boot-failed', failure } },
    })
    expect(rig.processes.all).toHaveLength(1)
  })
})

test('a reload before the start is an error', async () => {
  await using rig = createRig()
  expect(rig.manager.reload()).rejects.toMatchObject({ code: 'NOT_SERVING' })
  await rig.clock.advance(0)
})

describe('a worker that dies', () => {
  test('is replaced at once', async () => {
    await using rig = await startedRig()
    rig.processes.alive[0]!.crash({ code: 1 })
    await rig.clock.advance(0)
    expect(rig.processes.alive).toHaveLength(2)
    expect(rig.routed()).toEqual(['w2.1'])
    await rig.clock.advance(100)
    expect(rig.routed().toSorted()).toEqual(['w1.2', 'w2.1'])
    expect(rig.manager.status).toMatchObject({ health: 'ok', restarts: 1 })
  })
})

describe('reload', () => {
  test('replaces all workers, the new ones first', async () => {
    await using rig = await startedRig()
    const before = rig.processes.alive.map(({ pid }) => pid)
    rig.files.writeUnseen('app.ts', 'v2')
    const result = await rig.during(rig.manager.reload())
    expect(result).toMatchObject({ ok: true, unchanged: false, generation: rig.files.generation })
    expect(rig.routed().toSorted()).toEqual(['w1.2', 'w2.2'])
    await rig.clock.advance(1_000)
    expect(rig.processes.alive.map(({ pid }) => pid)).not.toContain(before[0])
    expect(rig.processes.alive).toHaveLength(2)
  })

  test('keeps the old generation when the new one does not start', async () => {
    await using rig = await startedRig()
    const before = rig.manager.status.generation
    rig.processes.behave({ exitsAtBoot: 1, stderr: 'boom' })
    rig.files.writeUnseen('app.ts', 'broken')
    const result = await rig.during(rig.manager.reload())
    expect(result).toMatchObject({ ok: false, refusal: { code: 'boot-failed', stderr: 'boom' } })
    expect(rig.manager.status.generation).toBe(before)
    expect(rig.routed().toSorted()).toEqual(['w1.1', 'w2.1'])
  })
})

describe('stop', () => {
  test('stops accepting, drains, and leaves nothing', async () => {
    const rig = await startedRig()
    expect(await rig.during(rig.manager.close())).toEqual({ abandoned: 0 })
    expect(rig.processes.alive).toHaveLength(0)
    expect(rig.processes.all.every(({ signals }) => signals.length === 0)).toBe(true)
    expect(rig.manager.status.health).toBe('stopped')
  })
})
