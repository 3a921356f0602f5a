import { describe, expect, test } from 'bun:test'
import type { FakeProcess } from '../../src/testing.ts'
import { createRig, type Rig, startedRig } from './rig.ts'

const observed = {
  observe: { observer: { read: async () => ({ requests: 0, errors: 0 }) }, windowMs: 20_000 },
}

const active = ({ processes }: Rig): string[] =>
  processes.alive.filter((process) => process.active).map(nameOf)

/** A short name: `w1.2` is the second process of the first slot. */
function nameOf({ socket }: FakeProcess): string {
  return socket.replace(/^.*\/|\.sock$/g, '')
}

const states = ({ manager }: Rig): string[] => manager.status.workers.map(({ state }) => state)

/** Advances time in small steps, and checks at each that no number is active twice. */
async function passAlone(rig: Rig, ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 5) {
    await rig.clock.advance(5)
    const slots = active(rig).map((name) => name.split('.')[0])
    expect(slots).toEqual([...new Set(slots)])
  }
}

describe('a worker', () => {
  test('is told to stand by from its start, and to resume once it serves', async () => {
    await using rig = await startedRig()
    await rig.clock.advance(50)
    expect(active(rig)).toEqual(['w1.1', 'w2.1'])
    const [first] = rig.processes.all
    expect(first?.received[0]).toMatchObject({ type: 'welcome', standby: true })
    expect(first?.received.filter(({ type }) => type === 'resume')).toHaveLength(1)
  })

  test('is not active before its generation serves', async () => {
    const held = Promise.withResolvers<undefined>()
    let verifications = 0
    const verify = (): Promise<undefined> =>
      verifications++ === 0 ? Promise.resolve(undefined) : held.promise
    await using rig = await startedRig({ verifier: { verify } })
    rig.files.write('app.ts', 'v2')
    await rig.clock.advance(1_000)
    expect(active(rig)).toEqual(['w1.1', 'w2.1'])
    expect(states(rig)).toEqual(['ready', 'ready', 'standby'])
    held.resolve(undefined)
    await passAlone(rig, 1_000)
    expect(active(rig)).toEqual(['w1.2', 'w2.2'])
  })

  test('that stands by for a rollback is not active until it serves again', async () => {
    await using rig = await startedRig(observed)
    rig.files.write('app.ts', 'v2')
    await passAlone(rig, 500)
    expect(active(rig)).toEqual(['w1.2', 'w2.2'])
    expect(states(rig)).toEqual(['standby', 'standby', 'ready', 'ready'])
    const back = rig.manager.rollback()
    await passAlone(rig, 200)
    expect(await rig.during(back)).toMatchObject({ ok: true })
    expect(active(rig)).toEqual(['w1.1', 'w2.1'])
  })

  test('that serves again is resumed before the one it takes over from is told to leave', async () => {
    await using rig = await startedRig({ ...observed, workers: 1 })
    rig.processes.behave({ standbyMs: 100 })
    rig.files.write('app.ts', 'v2')
    await passAlone(rig, 500)
    const [first, second] = rig.processes.all
    const told = (process: FakeProcess | undefined, what: string): boolean =>
      process?.received.at(-1)?.type === what
    const back = rig.manager.rollback()
    while (!told(first, 'resume')) {
      expect(told(second, 'drain')).toBe(false)
      await rig.clock.advance(1)
    }
    await rig.during(back)
    while (!told(second, 'drain')) await rig.clock.advance(1)
  })

  test('that replaces a crashed one is active at once', async () => {
    await using rig = await startedRig()
    await rig.clock.advance(50)
    rig.processes.alive[0]?.crash()
    await passAlone(rig, 200)
    expect(active(rig)).toEqual(['w2.1', 'w1.2'])
  })

  test('is resumed only when its predecessor has stopped its jobs', async () => {
    await using rig = createRig({ workers: 1 })
    rig.processes.behave({ standbyMs: 3_000, drainMs: 5_000 })
    await rig.during(rig.manager.start())
    const restarted = rig.manager.restart()
    await passAlone(rig, 2_500)
    expect(active(rig)).toEqual(['w1.1'])
    await passAlone(rig, 1_000)
    expect(active(rig)).toEqual(['w1.2'])
    await rig.during(restarted)
  })

  test('that does not stand by in time is not waited for, with a warning', async () => {
    await using rig = createRig({ workers: 1, drainTimeoutMs: 60_000 })
    rig.processes.behave({ standbyMs: 30_000, drainMs: 50_000 })
    await rig.during(rig.manager.start())
    const [first] = rig.processes.all
    rig.files.write('app.ts', 'v2')
    await rig.clock.advance(9_000)
    expect(active(rig)).toEqual(['w1.1'])
    await rig.clock.advance(2_000)
    expect(active(rig)).toEqual(['w1.1', 'w1.2'])
    expect(rig.events.filter(({ type }) => type === 'warning')).toMatchObject([
      {
        message: `worker 1 (${first?.pid}) did not stand by within 10 s: what it runs once may run twice`,
      },
    ])
  })

  test('is not mistaken for standing by because of a late answer to an earlier order', async () => {
    await using rig = createRig({
      workers: 1,
      ...observed,
      observe: { ...observed.observe, windowMs: 600_000 },
    })
    rig.processes.behave({ standbyMs: 13_000 })
    await rig.during(rig.manager.start())
    const [first] = rig.processes.all
    rig.files.write('app.ts', 'v2')
    await rig.clock.advance(11_000)
    await rig.during(rig.manager.rollback())
    await rig.clock.advance(15_000)
    expect(active(rig)).toContain('w1.1')
    rig.files.write('app.ts', 'v3')
    await rig.clock.advance(1_000)
    first?.say({ type: 'stands-by', order: 1 })
    expect(active(rig)).not.toContain('w1.3')
    first?.say({ type: 'stands-by', order: 2 })
    expect(active(rig)).toContain('w1.3')
  })

  test('that leaves, or is surplus, stands by first', async () => {
    await using rig = await startedRig({ workers: 3 })
    await rig.clock.advance(50)
    await rig.during(rig.manager.scale(2))
    expect(active(rig)).toEqual(['w1.1', 'w2.1'])
    const [first] = rig.processes.all
    first?.say({ type: 'leaving', reason: 'signal', inFlight: 0 })
    await passAlone(rig, 300)
    expect(active(rig)).toEqual(['w2.1', 'w1.2'])
  })
})

test('workers beside those of another manager serve and stand by until they are told otherwise', async () => {
  await using rig = await startedRig({ standsBy: true })
  await rig.clock.advance(500)
  expect([active(rig), states(rig), rig.routed()]).toEqual([[], ['ready', 'ready'], ['w1.1', 'w2.1']])
  rig.manager.activate()
  await rig.clock.advance(50)
  expect(active(rig)).toEqual(['w1.1', 'w2.1'])
})

test('a program without control messages gets none', async () => {
  await using rig = await startedRig({
    command: { argv: ['any'], speaksProtocol: false },
    probe: () => Promise.resolve(),
  })
  await rig.clock.advance(500)
  const told = rig.processes.all.flatMap(({ received }) => received)
  expect(told.filter(({ type }) => type === 'resume' || type === 'standby')).toEqual([])
})
