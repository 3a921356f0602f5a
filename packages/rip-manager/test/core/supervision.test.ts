import { describe, expect, test } from 'bun:test'
import { mkdirSync, rmSync, symlinkSync } from 'node:fs'
import { basename } from 'node:path'
import { temporaryFolder } from '../real.ts'
import { type Rig, startedRig } from './rig.ts'
import type { Builder } from '../../src/contract/ports.ts'

describe('crashes', () => {
  test('by one kill per second from outside are followed by a replacement at once, for any time', async () => {
    await using rig = await startedRig({ workers: 4 })
    for (let second = 0; second < 60; second += 1) {
      rig.processes.alive[second % 4]!.crash({ signal: 'SIGKILL' })
      await rig.clock.advance(200)
      expect(rig.manager.status.readyWorkers).toBe(4)
      await rig.clock.advance(800)
    }
    expect(rig.manager.status).toMatchObject({ health: 'ok', restarts: 60 })
  })

  test('of an application that always exits after a moment are delayed, reported and never given up', async () => {
    await using rig = await startedRig({ workers: 4, random: Math.random })
    const before = rig.processes.all.length
    for (let tick = 0; tick < 600; tick += 1) {
      for (const process of rig.processes.alive) if (tick % 2 === 0) process.crash({ code: 1 })
      await rig.clock.advance(100)
    }
    const restarts = rig.processes.all.length - before
    expect(restarts).toBeGreaterThan(5)
    expect(restarts).toBeLessThanOrEqual(15)
    expect(rig.manager.status.health).toBe('crash-loop')
  })

  test('in a loop are over when the application works again', async () => {
    await using rig = await startedRig()
    await crashUntilLoop(rig)
    await rig.clock.advance(120_000)
    expect(rig.manager.status).toMatchObject({ health: 'ok', readyWorkers: 2 })
  })

  test('in a loop are over as soon as the content is fixed', async () => {
    await using rig = await startedRig()
    await crashUntilLoop(rig)
    rig.files.write('app.ts', 'fixed')
    await rig.clock.advance(1_000)
    expect(rig.manager.status).toMatchObject({ health: 'ok', readyWorkers: 2 })
  })

  test('are reported with the output of the process, its code and the time of its replacement', async () => {
    await using rig = await startedRig()
    rig.processes.behave({ stderr: 'boom\n' })
    rig.processes.alive[0]!.crash({ code: 1 })
    await rig.clock.advance(200)
    rig.processes.last().crash({ code: 134 })
    await rig.clock.advance(0)
    const exits = rig.events.filter((event) => event.type === 'worker-exited')
    expect(exits.at(-1)).toMatchObject({
      reason: { kind: 'crashed', code: 134, stderr: 'boom\n' },
      respawnInMs: 125,
    })
  })

  test('by lack of memory have a reason of their own', async () => {
    await using rig = await startedRig()
    rig.processes.alive[0]!.crash({ signal: 'SIGKILL', oom: true })
    await rig.clock.advance(0)
    expect(rig.events.at(-1)).toMatchObject({ type: 'health', health: 'degraded' })
    expect(rig.events.find((event) => event.type === 'worker-exited')).toMatchObject({
      reason: { kind: 'oom' },
    })
  })

  test('of a candidate do not count for the serving generation', async () => {
    await using rig = await startedRig()
    rig.processes.behave({ exitsAtBoot: 1 })
    for (let attempt = 0; attempt < 8; attempt += 1) {
      rig.files.write('app.ts', `broken ${attempt}`)
      await rig.clock.advance(500)
    }
    rig.processes.behave({})
    rig.processes.alive[0]!.crash()
    await rig.clock.advance(100)
    expect(rig.manager.status).toMatchObject({ health: 'ok', readyWorkers: 2, restarts: 1 })
  })

  test('a system that starts no processes ends no running worker, and is asked again', async () => {
    await using rig = await startedRig()
    rig.processes.refuse('EAGAIN')
    rig.processes.alive[0]!.crash()
    await rig.clock.advance(1_000)
    expect(rig.manager.status).toMatchObject({ health: 'degraded', readyWorkers: 1 })
    expect(rig.events.some((event) => event.type === 'warning' && event.message.includes('EAGAIN'))).toBe(
      true,
    )
    rig.processes.refuse(undefined)
    await rig.clock.advance(30_000)
    expect(rig.manager.status).toMatchObject({ health: 'ok', readyWorkers: 2 })
  })
})

describe('the heartbeat', () => {
  test('replaces a worker whose event loop stands still, and that one only', async () => {
    await using rig = await startedRig()
    const [stuck, fine] = rig.processes.alive
    await rig.clock.advance(5_000)
    stuck!.freeze()
    await rig.clock.advance(9_000)
    expect(stuck!.alive).toBe(true)
    await rig.clock.advance(3_000)
    expect(stuck!.signals).toEqual(['SIGXCPU', 'SIGTERM', 'SIGKILL'])
    expect(fine!.alive).toBe(true)
    expect(rig.manager.status).toMatchObject({ health: 'ok', readyWorkers: 2 })
    expect(rig.events.find((event) => event.type === 'worker-exited')).toMatchObject({
      reason: { kind: 'stuck-loop' },
    })
  })

  test('reports the stack that the worker wrote', async () => {
    await using rig = await startedRig()
    rig.processes.behave({
      stderr: 'before\nthe event loop is stuck\n    at burn (a.rip:3:5)\n    at fetch (a.rip:6:3)\n',
    })
    rig.processes.alive[0]!.crash({ signal: 'SIGKILL' })
    await rig.clock.advance(5_000)
    rig.processes.alive.at(-1)!.freeze()
    await rig.clock.advance(13_000)
    expect(rig.events.findLast((event) => event.type === 'worker-exited')).toMatchObject({
      reason: { kind: 'stuck-loop', stack: '    at burn (a.rip:3:5)\n    at fetch (a.rip:6:3)' },
    })
  })

  test('never replaces a worker for a slow request', async () => {
    await using rig = await startedRig()
    rig.processes.alive[0]!.vitals({ inFlight: 1 })
    await rig.clock.advance(600_000)
    expect(rig.processes.all).toHaveLength(2)
  })

  test('starts anew for all workers after the machine slept', async () => {
    await using rig = await startedRig()
    rig.clock.suspend(60_000)
    await rig.clock.advance(5_000)
    expect(rig.processes.all).toHaveLength(2)
    expect(rig.processes.all.every(({ signals }) => signals.length === 0)).toBe(true)
  })
})

describe('a worker', () => {
  test('that got TERM from outside serves until its successor does and the router sends it nothing', async () => {
    await using rig = await startedRig()
    const [leaver] = rig.processes.alive
    leaver!.say({ type: 'leaving', reason: 'signal', inFlight: 1 })
    await rig.clock.advance(50)
    expect(rig.routed()).toEqual(['w1.1', 'w2.1'])
    await rig.clock.advance(60)
    expect(rig.routed().toSorted()).toEqual(['w1.2', 'w2.1'])
    expect(leaver!.received.map(({ type }) => type)).not.toContain('drain')
    await rig.clock.advance(1_000)
    expect(leaver!.received.map(({ type }) => type)).toContain('drain')
    expect(leaver!.alive).toBe(false)
    expect(rig.routed().toSorted()).toEqual(['w1.2', 'w2.1'])
    expect(rig.events.find((event) => event.type === 'worker-exited')).toMatchObject({
      reason: { kind: 'recycled', reason: 'signal' },
    })
  })

  test('that got TERM from outside leaves with all others in a stop, and is not replaced', async () => {
    const rig = await startedRig({ stopDelayMs: 5_000 })
    const closing = rig.manager.close()
    for (const process of rig.processes.alive) process.say({ type: 'leaving', reason: 'signal', inFlight: 1 })
    await rig.clock.advance(4_000)
    expect(rig.routed()).toEqual(['w1.1', 'w2.1'])
    expect(await rig.during(closing)).toEqual({ abandoned: 0 })
    expect(rig.processes.all).toHaveLength(2)
  })

  test('that ends during a drain without a report has cut off its requests', async () => {
    const rig = await startedRig()
    const [worker] = rig.processes.alive
    worker!.vitals({ inFlight: 3 })
    await rig.clock.advance(1_100)
    for (const process of rig.processes.alive) process.freeze()
    const closing = rig.manager.close()
    await rig.clock.advance(1_000)
    worker!.crash({ code: 0 })
    expect(await rig.during(closing)).toEqual({ abandoned: 3 })
  })

  test('that does not finish in time is ended by TERM, then KILL', async () => {
    await using rig = await startedRig({ drainTimeoutMs: 5_000 })
    const [old] = rig.processes.alive
    old!.freeze()
    rig.files.write('app.ts', 'v2')
    await rig.clock.advance(4_900)
    expect(old!.alive).toBe(true)
    await rig.clock.advance(2_000)
    expect(old!.signals).toEqual(['SIGTERM', 'SIGKILL'])
    const exit = rig.events.find((event) => event.type === 'worker-exited' && event.pid === old!.pid)
    expect(exit).toMatchObject({ reason: { kind: 'killed', reason: 'drain-deadline' } })
  })
})

describe('recycling', () => {
  test('by requests happens one worker at a time, the successor first', async () => {
    await using rig = await startedRig({ workers: 3, recycle: { requests: 1_000 } })
    for (const process of rig.processes.alive) process.vitals({ requests: 1_200 })
    let leaving = 0
    for (let step = 0; step < 100; step += 1) {
      await rig.clock.advance(100)
      expect(rig.routed().length).toBeGreaterThanOrEqual(3)
      leaving = Math.max(leaving, rig.processes.alive.length - 3)
    }
    expect(leaving).toBe(1)
    expect(rig.routed().toSorted()).toEqual(['w1.2', 'w2.2', 'w3.2'])
    const reasons = rig.events.flatMap((event) => (event.type === 'worker-exited' ? [event.reason] : []))
    expect(reasons).toEqual(Array.from({ length: 3 }, () => ({ kind: 'recycled', reason: 'requests' })))
  })

  test('has slightly different limits for each worker', async () => {
    const chances = [0, 1]
    let turn = 0
    await using rig = await startedRig({
      recycle: { requests: 1_000 },
      random: () => chances[turn++ % chances.length]!,
    })
    for (const process of rig.processes.alive) process.vitals({ requests: 950 })
    await rig.clock.advance(5_000)
    expect(rig.processes.all).toHaveLength(3)
  })

  test('by memory needs several samples in a row', async () => {
    await using rig = await startedRig({ recycle: { memoryBytes: 100 } })
    const [worker] = rig.processes.alive
    worker!.vitals({ rssBytes: 50 })
    await rig.clock.advance(2_000)
    worker!.vitals({ rssBytes: 101 })
    await rig.clock.advance(2_000)
    worker!.vitals({ rssBytes: 99 })
    await rig.clock.advance(5_000)
    expect(worker!.alive).toBe(true)
    worker!.vitals({ rssBytes: 101 })
    await rig.clock.advance(5_000)
    expect(worker!.alive).toBe(false)
  })

  test('by memory leaves a worker alone that takes more than the limit from its start, and says so once', async () => {
    await using rig = await startedRig({ recycle: { memoryBytes: 10 * 2 ** 20 } })
    for (const process of rig.processes.alive) process.vitals({ rssBytes: 31 * 2 ** 20 })
    await rig.clock.advance(180_000)
    expect(rig.processes.all).toHaveLength(2)
    const warnings = rig.events.filter(({ type }) => type === 'warning')
    expect(warnings).toHaveLength(1)
    expect(warnings).toMatchObject([
      { message: expect.stringContaining('the memory limit of 10 MiB is below the 31 MiB a worker takes') },
    ])
  })

  test('by memory replaces a worker that began above the limit once it has grown by a quarter', async () => {
    await using rig = await startedRig({ recycle: { memoryBytes: 10 } })
    for (const process of rig.processes.alive) process.vitals({ rssBytes: 32 })
    await rig.clock.advance(10_000)
    rig.processes.alive[0]!.vitals({ rssBytes: 40 })
    await rig.clock.advance(5_000)
    expect(rig.processes.all).toHaveLength(3)
  })

  test('by memory gives a worker a minute that began just below the limit and has hardly grown', async () => {
    await using rig = await startedRig({ recycle: { memoryBytes: 100 } })
    const [worker] = rig.processes.alive
    worker!.vitals({ rssBytes: 95 })
    await rig.clock.advance(2_000)
    worker!.vitals({ rssBytes: 105 })
    await rig.clock.advance(50_000)
    expect(worker!.alive).toBe(true)
    await rig.clock.advance(20_000)
    expect(worker!.alive).toBe(false)
    expect(rig.events.filter(({ type }) => type === 'warning')).toMatchObject([
      { message: expect.stringContaining('hardly above') },
    ])
  })

  test('by lifetime never takes capacity', async () => {
    await using rig = await startedRig({ recycle: { lifetimeMs: 60_000 } })
    await rig.clock.advance(120_000)
    expect(rig.processes.all.length).toBeGreaterThanOrEqual(4)
    expect(rig.manager.status).toMatchObject({ health: 'ok', readyWorkers: 2, restarts: 0 })
  })

  test('keeps a worker whose successor does not start', async () => {
    await using rig = await startedRig({ recycle: { requests: 10 } })
    const [worker] = rig.processes.alive
    rig.processes.behave({ exitsAtBoot: 1 })
    worker!.vitals({ requests: 100 })
    await rig.clock.advance(20_000)
    expect(worker!.alive).toBe(true)
    expect(rig.processes.all).toHaveLength(3)
    expect(rig.manager.status).toMatchObject({ health: 'ok', readyWorkers: 2 })
  })
})

describe('restart', () => {
  test('replaces every worker by a fresh process of the same generation', async () => {
    await using rig = await startedRig({ workers: 3 })
    const { generation } = rig.manager.status
    const result = await rig.during(rig.manager.restart())
    expect(result).toMatchObject({ ok: true, generation, unchanged: false })
    expect(rig.routed().toSorted()).toEqual(['w1.2', 'w2.2', 'w3.2'])
  })

  test('stops at the first process that does not start and keeps the others', async () => {
    await using rig = await startedRig({ workers: 3 })
    rig.processes.behave(({ env }) => (env['RIP_WORKER_ID'] === '2' ? { exitsAtBoot: 1 } : {}))
    expect(await rig.during(rig.manager.restart())).toMatchObject({
      ok: false,
      refusal: { code: 'boot-failed' },
    })
    await rig.clock.advance(2_000)
    expect(rig.routed().toSorted()).toEqual(['w1.2', 'w2.1', 'w3.1'])
    expect(rig.manager.status.health).toBe('ok')
  })
})

describe('workers that leave after an uncaught exception', () => {
  test('are replaced, the first one at once', async () => {
    await using rig = await startedRig()
    rig.processes.alive[0]!.say({ type: 'leaving', reason: 'unhealthy', inFlight: 0 })
    await rig.clock.advance(200)
    expect(rig.routed().toSorted()).toEqual(['w1.2', 'w2.1'])
    expect(rig.manager.status.restarts).toBe(1)
  })

  test('are replaced with growing delays when that repeats', async () => {
    await using rig = await startedRig()
    for (let tick = 0; tick < 600; tick += 1) {
      for (const process of rig.processes.alive) {
        process.say({ type: 'leaving', reason: 'unhealthy', inFlight: 0 })
      }
      await rig.clock.advance(100)
    }
    expect(rig.processes.all.length).toBeLessThan(20)
    expect(rig.manager.status.health).toBe('crash-loop')
  })
})

test('a restart in a crash loop is refused, as it would never end', async () => {
  await using rig = await startedRig()
  for (let tick = 0; rig.manager.status.health !== 'crash-loop' && tick < 600; tick += 1) {
    for (const process of rig.processes.alive) process.crash({ code: 1 })
    await rig.clock.advance(100)
  }
  expect(await rig.during(rig.manager.restart())).toMatchObject({
    ok: false,
    refusal: { code: 'boot-failed', message: expect.stringContaining('workers keep dying, ') },
  })
})

test('a worker whose release was removed starts in the one the link leads to, with one warning', async () => {
  await using folder = await temporaryFolder()
  const current = folder.at('current')
  mkdirSync(folder.at('1'))
  mkdirSync(folder.at('2'))
  symlinkSync(folder.at('1'), current)
  await using rig = await startedRig({ root: current })
  rmSync(current)
  symlinkSync(folder.at('2'), current)
  rmSync(folder.at('1'), { recursive: true })
  for (const process of rig.processes.alive) process.crash({ signal: 'SIGKILL' })
  await rig.clock.advance(2_000)
  expect(rig.processes.all.map(({ spec }) => basename(spec.cwd))).toEqual(['1', '1', '2', '2'])
  expect(rig.events.filter(({ type }) => type === 'warning')).toMatchObject([
    { message: expect.stringContaining('was removed while') },
  ])
})

test('a worker whose application was deleted starts in the folder of its snapshot', async () => {
  await using folder = await temporaryFolder()
  mkdirSync(folder.at('app'))
  mkdirSync(folder.at('status'))
  const builder: Builder = {
    build: async ({ generation }) => ({
      ok: true,
      snapshot: { generation, folder: folder.at('status') },
    }),
  }
  await using rig = await startedRig({ root: folder.at('app'), builder, workers: 1 })
  rmSync(folder.at('app'), { recursive: true })
  rig.processes.last().crash({ signal: 'SIGKILL' })
  await rig.clock.advance(2_000)
  expect(rig.processes.all.map(({ spec }) => basename(spec.cwd))).toEqual(['app', 'status'])
  expect(rig.routed()).toEqual(['w1.2'])
})

describe('an environment that cannot be read', () => {
  test('refuses restart and reload, and ends no running worker', async () => {
    let broken = false
    const env = (): Record<string, string> => {
      if (broken) throw new Error('.env:3 is not a setting')
      return {}
    }
    await using rig = await startedRig({ env })
    broken = true
    expect(await rig.during(rig.manager.restart())).toMatchObject({
      ok: false,
      refusal: { message: 'cannot read the environment: .env:3 is not a setting' },
    })
    rig.files.writeUnseen('app.ts', 'v2')
    expect(await rig.during(rig.manager.reload())).toMatchObject({
      ok: false,
      refusal: { code: 'build-failed' },
    })
    expect(rig.processes.all).toHaveLength(2)
    rig.processes.alive[0]!.crash()
    await rig.clock.advance(500)
    expect(rig.manager.status).toMatchObject({ health: 'ok', readyWorkers: 2 })
  })
})

describe('scale', () => {
  test('up starts workers, down drains those with the highest numbers', async () => {
    await using rig = await startedRig()
    await rig.during(rig.manager.scale(4))
    expect(rig.routed().toSorted()).toEqual(['w1.1', 'w2.1', 'w3.1', 'w4.1'])
    await rig.during(rig.manager.scale(1))
    expect(rig.routed()).toEqual(['w1.1'])
    await rig.clock.advance(2_000)
    expect(rig.processes.alive).toHaveLength(1)
    expect(rig.manager.status).toMatchObject({ wantedWorkers: 1, health: 'ok' })
  })

  test('survives a reload', async () => {
    await using rig = await startedRig()
    await rig.during(rig.manager.scale(3))
    rig.files.write('app.ts', 'v2')
    await rig.clock.advance(2_000)
    expect(rig.manager.status).toMatchObject({ readyWorkers: 3, generation: rig.files.generation })
  })

  test('to what workers that keep dying cannot reach is an error', async () => {
    await using rig = await startedRig({ workers: 1 })
    const [first] = rig.processes.alive
    const scaled = rig.manager.scale(3).catch((error: unknown) => error)
    let answer: unknown
    void scaled.then((settled) => (answer = settled))
    for (let tick = 0; answer === undefined && tick < 600; tick += 1) {
      for (const process of rig.processes.alive) if (process !== first) process.crash({ code: 1 })
      await rig.clock.advance(100)
    }
    expect(answer).toMatchObject({
      code: 'SCALE_INCOMPLETE',
      message: '3 workers are wanted but only 1 are ready: workers keep dying, see the events',
    })
  })

  test('below one worker is an error', async () => {
    await using rig = await startedRig()
    expect(rig.manager.scale(0)).rejects.toMatchObject({ code: 'OPTION_INVALID' })
    expect(rig.manager.status.wantedWorkers).toBe(2)
  })

  test('down keeps a surplus worker for as long as it replaces one that is not ready', async () => {
    await using rig = await startedRig()
    rig.processes.behave({ bootMs: 2_000 })
    rig.processes.alive[0]!.crash()
    await rig.clock.advance(0)
    const scaled = rig.manager.scale(1)
    await rig.clock.advance(1_000)
    expect(rig.routed()).toEqual(['w2.1'])
    await rig.during(scaled)
    expect(rig.routed()).toEqual(['w1.2'])
  })
})

async function crashUntilLoop(rig: Rig): Promise<void> {
  for (let tick = 0; tick < 100 && rig.manager.status.health !== 'crash-loop'; tick += 1) {
    rig.processes.alive[0]?.crash({ code: 1 })
    await rig.clock.advance(100)
  }
  expect(rig.manager.status.health).toBe('crash-loop')
}
