import { describe, expect, test } from 'bun:test'
import type { FakeBehaviour, FakeProcess } from '../../src/testing.ts'
import type { ManagerOptions } from '../../src/contract/options.ts'
import type { BackgroundLedger, ProcessSpec } from '../../src/contract/ports.ts'
import type { Findings, VerdictStore } from '../../src/contract/verdict.ts'
import { createRig, type Rig, startedRig } from './rig.ts'

const background = [{ name: 'jobs', argv: ['worker', 'jobs.ts'] as [string, ...string[]] }]
const observe = {
  windowMs: 10_000,
  observer: { read: async () => ({ requests: 0, errors: 0 }) },
}

const isBackground = ({ env }: ProcessSpec): boolean => env['RIP_BACKGROUND'] !== undefined

const started = (options: Partial<ManagerOptions> = {}): Promise<Rig> =>
  startedRig({ background, ...options })

/** How background processes of later code behave. */
function behave(rig: Rig, behaviour: FakeBehaviour): void {
  rig.processes.behave((spec) => (isBackground(spec) ? behaviour : {}))
}

function jobs({ processes }: Rig): readonly FakeProcess[] {
  return processes.all.filter(({ spec }) => isBackground(spec))
}

const alive = (rig: Rig): readonly FakeProcess[] => jobs(rig).filter((process) => process.alive)
const active = (rig: Rig): readonly FakeProcess[] => jobs(rig).filter((process) => process.active)

async function reloaded(rig: Rig, content: string): Promise<void> {
  rig.files.write('app.ts', content)
  await rig.during(rig.manager.reload())
}

const typesOf = ({ events }: Rig): readonly string[] => events.map(({ type }) => type)

describe('a start', () => {
  test('serves when the background process has begun', async () => {
    await using rig = await started()
    expect(active(rig)).toHaveLength(1)
    expect(rig.manager.status.background).toMatchObject([{ name: 'jobs', state: 'working', restarts: 0 }])
    const types = typesOf(rig)
    expect(types.indexOf('background-working')).toBeLessThan(types.indexOf('ready'))
  })

  test('is refused when it cannot begin', async () => {
    await using rig = createRig({ background })
    behave(rig, { failsToBegin: true })
    const starting = rig.manager.start()
    starting.catch(() => {})
    await rig.clock.advance(2_000)
    expect(starting).rejects.toThrow('cannot begin')
  })

  test('serves before what an earlier manager left has ended, and begins after it', async () => {
    const { promise, resolve } = Promise.withResolvers<void>()
    const ledger: BackgroundLedger = { note: () => {}, drop: () => {}, clear: () => promise }
    await using rig = await started({ backgroundLedger: ledger })
    expect(rig.manager.status.health).toBe('ok')
    expect(active(rig)).toHaveLength(0)
    resolve()
    await rig.clock.advance(100)
    expect(active(rig)).toHaveLength(1)
  })

  test('whose ledger fails says so, and begins all the same', async () => {
    const ledger: BackgroundLedger = {
      note: () => {},
      drop: () => {
        throw new Error('no space')
      },
      clear: () => Promise.reject(new Error('no access')),
    }
    await using rig = await started({ backgroundLedger: ledger })
    await rig.clock.advance(100)
    const [first] = active(rig)
    first!.crash({ code: 1 })
    await rig.clock.advance(5_000)
    expect(active(rig).map(({ pid }) => pid)).toEqual([jobs(rig)[1]!.pid])
    expect(rig.events.flatMap((event) => (event.type === 'warning' ? [event.message] : []))).toEqual([
      'it is not known whether background processes of an earlier start have ended: no access; they may work beside those of this one',
      'the end of jobs cannot be noted in the run directory: no space; the next server finds out by itself',
    ])
  })

  test('of a successor begins when its predecessor has gone', async () => {
    await using rig = await started({ standsBy: true })
    await rig.clock.advance(60_000)
    expect(active(rig)).toHaveLength(0)
    rig.manager.activate()
    await rig.clock.advance(100)
    expect(active(rig)).toHaveLength(1)
  })

  test('of a successor whose code cannot begin gives way to the copy of the last good code', async () => {
    const good = { generation: 'g-good', cwd: '/srv/app' }
    const findings: Findings = { condemned: [], good }
    const verdicts: VerdictStore = {
      read: () => findings,
      write: () => {},
      keep: async () => {},
      fetch: async (generation) => ({ generation, folder: '/run/copy' }),
    }
    await using rig = await started({ standsBy: true, verdicts })
    behave(rig, { failsToBegin: true })
    const { generation } = rig.manager.status
    alive(rig)[0]!.crash()
    rig.manager.activate()
    await rig.clock.advance(200)
    rig.processes.behave({})
    await rig.clock.advance(3_000)
    expect(rig.manager.status).toMatchObject({
      generation: 'g-good',
      disk: { generation, verdict: { by: 'server', reason: 'cannot begin' } },
    })
    expect(active(rig).map((process) => process.generation)).toEqual(['g-good'])
  })

  test('without workers serves when all has begun', async () => {
    await using rig = await started({ workers: 0 })
    expect(rig.processes.alive).toHaveLength(1)
    expect(rig.manager.status).toMatchObject({ health: 'ok', wantedWorkers: 0, readyWorkers: 0 })
    expect(rig.manager.scale(2)).rejects.toThrow('there are no workers to scale')
  })

  test.each([[['two', 'two']], [['a b']], [['']]])('refuses the names %p', (names: readonly string[]) => {
    const wrong = names.map((name) => ({ name, argv: ['worker'] as [string, ...string[]] }))
    expect(() => createRig({ background: wrong })).toThrow('background must be names')
  })

  test('needs a worker unless something works in the background', () => {
    expect(() => createRig({ workers: 0 })).toThrow('workers must be a whole number')
  })
})

describe('a reload', () => {
  test('prepares the new process beside the old one, which is told to end only after the switch', async () => {
    await using rig = await started()
    const [old] = jobs(rig)
    behave(rig, { drainMs: 5_000 })
    await reloaded(rig, 'v2')
    const [, next] = jobs(rig)
    expect(old!.received.at(-1)?.type).toBe('drain')
    await rig.clock.advance(5_000)
    expect({ old: old!.alive, next: next!.active }).toEqual({ old: false, next: true })
  })

  test('lets the old process end before the new one begins', async () => {
    await using rig = createRig({ background })
    behave(rig, { drainMs: 4_000 })
    await rig.during(rig.manager.start())
    await reloaded(rig, 'v2')
    await rig.clock.advance(3_000)
    expect(active(rig)).toEqual([jobs(rig)[0]!])
    await rig.clock.advance(2_000)
    expect(active(rig)).toEqual([jobs(rig)[1]!])
  })

  test('kills an old process that does not end in time, and begins only then', async () => {
    await using rig = await started({ drainTimeoutMs: 2_000, killGraceMs: 500 })
    const [old] = jobs(rig)
    old!.freeze()
    await reloaded(rig, 'v2')
    await rig.clock.advance(1_900)
    expect(old!.alive).toBe(true)
    await rig.clock.advance(1_000)
    expect(old!.signals).toEqual(['SIGTERM', 'SIGKILL'])
    expect(active(rig)).toEqual([jobs(rig)[1]!])
  })

  test('is refused when the new process cannot be prepared, and the old one works on', async () => {
    await using rig = await started()
    const [old] = jobs(rig)
    behave(rig, { failure: { kind: 'import', message: 'broken jobs' } })
    rig.files.write('app.ts', 'v2')
    const result = await rig.during(rig.manager.reload())
    expect(result).toMatchObject({ ok: false, refusal: { code: 'boot-failed', message: 'broken jobs' } })
    expect(active(rig)).toEqual([old!])
    expect(old!.received.some(({ type }) => type === 'drain')).toBe(false)
  })

  test.each([[observe], [undefined]])(
    'is taken back when the new process cannot begin (%#)',
    async (window) => {
      await using rig = await started(window && { observe: window })
      const { generation } = rig.manager.status
      behave(rig, { failsToBegin: true })
      await reloaded(rig, 'v2')
      rig.processes.behave({})
      await rig.clock.advance(2_000)
      const { status } = rig.manager
      expect(status.generation).toBe(generation)
      expect(status.lastRefusal).toMatchObject({ code: 'rolled-back', message: 'cannot begin' })
      expect(active(rig)).toHaveLength(1)
      // One attempt: what was found wanting does not begin again.
      expect(jobs(rig)).toHaveLength(3)
    },
  )

  // The first within the window, the last after it: each crash prolongs it.
  test.each([50, 4_000])(
    'is taken back when the new process ends each time after %p ms, and told so to who waits',
    async (crashesAfterMs) => {
      await using rig = await started({ observe })
      const { generation } = rig.manager.status
      behave(rig, { crashesAfterMs })
      rig.files.write('app.ts', 'v2')
      const result = await rig.during(rig.manager.reload({ wait: true }))
      const message = 'the background process jobs keeps ending, last with code 7'
      expect(result).toMatchObject({ ok: false, refusal: { code: 'rolled-back', message } })
      rig.processes.behave({})
      expect(rig.manager.status.generation).toBe(generation)
    },
  )

  test('is not watched for ever when the process ends now and then', async () => {
    await using rig = await started({ observe })
    behave(rig, { crashesAfterMs: 9_000 })
    rig.files.write('app.ts', 'v2')
    const result = await rig.during(rig.manager.reload({ wait: true }))
    expect(result).toMatchObject({ ok: true })
  })

  test('stays when the process crashes now and then, or after the window', async () => {
    await using rig = await started({ observe })
    await reloaded(rig, 'v2')
    const { generation } = rig.manager.status
    await rig.clock.advance(20_000)
    behave(rig, { crashesAfterMs: 50 })
    active(rig)[0]!.crash()
    await rig.clock.advance(20_000)
    expect(rig.manager.status).toMatchObject({ generation, health: 'crash-loop' })
    expect(rig.manager.status.background[0]?.crashes).toMatchObject({ reason: { kind: 'crashed', code: 7 } })
    expect(rig.manager.status.healthReasons).toEqual(['the background process jobs keeps ending'])
  })
})

describe('a process', () => {
  test('that dies is replaced, with growing pauses, and counted', async () => {
    await using rig = await started()
    active(rig)[0]!.crash()
    await rig.clock.advance(200)
    expect(active(rig)).toHaveLength(1)
    active(rig)[0]!.crash()
    await rig.clock.advance(50)
    expect(rig.manager.status).toMatchObject({
      health: 'degraded',
      restarts: 2,
      background: [{ state: 'waiting', pid: null, crashes: { count: 2 } }],
    })
    expect(rig.manager.status.background[0]?.crashes?.nextStartAtMs).toBeGreaterThan(0)
    await rig.clock.advance(1_000)
    expect(rig.manager.status).toMatchObject({
      health: 'ok',
      background: [{ state: 'working', restarts: 2 }],
    })
  })

  test('that was sent TERM by somebody else ends in its time, and another one follows', async () => {
    await using rig = await started()
    const [first] = active(rig)
    first!.say({ type: 'leaving', reason: 'signal', inFlight: 0 })
    await rig.clock.advance(500)
    expect(active(rig)).toEqual([first!])
    first!.crash({ code: 0 })
    await rig.clock.advance(200)
    expect(active(rig)).toEqual([jobs(rig)[1]!])
    expect(rig.manager.status.background).toMatchObject([{ restarts: 0, crashes: null }])
  })

  test('whose event loop is blocked is left alone', async () => {
    await using rig = await started()
    const [first] = active(rig)
    first!.freeze()
    await rig.clock.advance(60_000)
    expect(first!.alive).toBe(true)
  })

  test('that never begins to work is ended after the boot timeout', async () => {
    await using rig = await started({ bootTimeoutMs: 2_000 })
    behave(rig, { neverReady: true })
    rig.files.write('app.ts', 'v2')
    const result = await rig.during(rig.manager.reload())
    expect(result).toMatchObject({ ok: false, refusal: { code: 'boot-failed' } })
    expect(alive(rig)).toHaveLength(1)
  })
})

describe('a restart', () => {
  test('replaces it as well, one after the other', async () => {
    await using rig = await started()
    const [first] = active(rig)
    expect(await rig.during(rig.manager.restart())).toMatchObject({ ok: true })
    await rig.clock.advance(100)
    expect(first!.alive).toBe(false)
    expect(active(rig)).toEqual([jobs(rig)[1]!])
  })

  test('of its name leaves the workers alone', async () => {
    await using rig = await started()
    const workers = rig.manager.status.workers.map(({ pid }) => pid)
    expect(await rig.during(rig.manager.restart({ background: 'jobs' }))).toMatchObject({ ok: true })
    await rig.clock.advance(100)
    expect(rig.manager.status.workers.map(({ pid }) => pid)).toEqual(workers)
    expect(active(rig)).toEqual([jobs(rig)[1]!])
    expect(rig.manager.restart({ background: 'mail' })).rejects.toThrow('there is no background process mail')
  })

  test('is refused when the fresh process cannot be prepared, and the old one works on', async () => {
    await using rig = await started()
    const [first] = active(rig)
    behave(rig, { failure: { kind: 'import', message: 'gone' } })
    const result = await rig.during(rig.manager.restart({ background: 'jobs' }))
    expect(result).toMatchObject({ ok: false, refusal: { message: 'gone' } })
    expect(active(rig)).toEqual([first!])
  })
})

describe('a stop', () => {
  test('waits for it, and kills it in the end', async () => {
    const rig = await started({ drainTimeoutMs: 2_000 })
    active(rig)[0]!.freeze()
    const closed = rig.manager.close()
    await rig.during(closed)
    expect(rig.processes.alive).toHaveLength(0)
    expect(jobs(rig)[0]!.signals.at(-1)).toBe('SIGKILL')
  })

  test('that is told not to wait kills it at once', async () => {
    const rig = await started()
    await rig.during(rig.manager.close({ now: true }))
    expect(jobs(rig)[0]!.signals).toEqual(['SIGKILL'])
  })
})
