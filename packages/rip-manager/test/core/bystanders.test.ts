import { describe, expect, test } from 'bun:test'
import { startedRig } from './rig.ts'

describe('a process that a signal for the server ends before it serves', () => {
  test.each(['SIGHUP', 'SIGUSR1', 'SIGUSR2'])('%s: a restart starts it again', async (signal) => {
    await using rig = await startedRig()
    const restarted = rig.manager.restart()
    await rig.clock.advance(1)
    rig.processes.alive.at(-1)!.crash({ signal })
    expect(await rig.during(restarted)).toMatchObject({ ok: true })
    expect(rig.routed().toSorted()).toEqual(['w1.3', 'w2.2'])
    expect(rig.manager.status).toMatchObject({ health: 'ok', restarts: 0, lastRefusal: null })
  })

  test('is started again by a reload, and the content is not to blame', async () => {
    await using rig = await startedRig()
    rig.files.writeUnseen('app.ts', 'v2')
    const reloaded = rig.manager.reload()
    await rig.clock.advance(1)
    rig.processes.alive.at(-1)!.crash({ signal: 'SIGUSR1' })
    expect(await rig.during(reloaded)).toMatchObject({ ok: true })
    expect(rig.manager.status).toMatchObject({ health: 'ok', restarts: 0, lastRefusal: null })
  })

  test('is started again also where others of its generation serve already', async () => {
    await using rig = await startedRig({ workers: 3 })
    rig.files.writeUnseen('app.ts', 'v2')
    const reloaded = rig.manager.reload()
    await rig.clock.advance(150)
    expect(rig.processes.all).toHaveLength(6)
    rig.processes.alive.at(-1)!.crash({ signal: 'SIGUSR2' })
    expect(await rig.during(reloaded)).toMatchObject({ ok: true })
    expect(rig.routed().toSorted()).toEqual(['w1.2', 'w2.2', 'w3.3'])
    expect(rig.manager.status).toMatchObject({ health: 'ok', restarts: 0, lastRefusal: null })
  })

  test('is not started again for ever', async () => {
    await using rig = await startedRig()
    rig.processes.behave({ neverReady: true })
    const restarted = rig.manager.restart()
    for (let count = 0; count < 4; count += 1) {
      await rig.clock.advance(1)
      rig.processes.alive.at(-1)!.crash({ signal: 'SIGUSR1' })
    }
    expect(await rig.during(restarted)).toMatchObject({
      ok: false,
      refusal: { message: 'it ended by SIGUSR1 before it served' },
    })
    expect(rig.processes.all).toHaveLength(6)
    expect(rig.routed().toSorted()).toEqual(['w1.1', 'w2.1'])
  })
})
