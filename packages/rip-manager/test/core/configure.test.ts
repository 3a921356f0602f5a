import { describe, expect, test } from 'bun:test'
import { ManagerError } from '../../src/contract/errors.ts'
import { startedRig } from './rig.ts'

describe('changed limits', () => {
  test('apply to running workers: requests, lifetime and memory are judged anew', async () => {
    await using rig = await startedRig()
    for (const process of rig.processes.alive) process.vitals({ requests: 100, rssBytes: 50 })
    await rig.clock.advance(60_000)
    expect(rig.processes.all).toHaveLength(2)
    rig.manager.configure({ recycle: { requests: 10 } })
    await rig.clock.advance(20_000)
    expect(rig.processes.all).toHaveLength(4)
    rig.manager.configure({ recycle: { memoryBytes: 100 } })
    for (const process of rig.processes.alive) process.vitals({ rssBytes: 50 })
    await rig.clock.advance(2_000)
    for (const process of rig.processes.alive) process.vitals({ rssBytes: 200 })
    await rig.clock.advance(20_000)
    expect(rig.processes.all).toHaveLength(6)
    rig.manager.configure({ recycle: { lifetimeMs: 30_000 } })
    await rig.clock.advance(60_000)
    expect(rig.processes.all.length).toBeGreaterThanOrEqual(8)
    expect(rig.manager.status).toMatchObject({ health: 'ok', readyWorkers: 2, restarts: 0 })
  })

  test('spare a worker that was about to be replaced, if they allow it', async () => {
    await using rig = await startedRig({ workers: 1, recycle: { requests: 10 } })
    rig.processes.behave({ exitsAtBoot: 1 })
    const [worker] = rig.processes.alive
    worker!.vitals({ requests: 100 })
    await rig.clock.advance(5_000)
    rig.manager.configure({ recycle: { requests: 1_000 } })
    await rig.clock.advance(120_000)
    expect(worker!.alive).toBe(true)
  })

  test('of a boot apply to workers started from then on', async () => {
    await using rig = await startedRig()
    rig.manager.configure({ concurrency: 7 })
    rig.files.write('app.ts', 'v2')
    await rig.during(rig.manager.reload())
    const fresh = rig.processes.alive.filter(({ spec }) => spec.env['RIP_CONCURRENCY'] === '7')
    expect(fresh).toHaveLength(2)
  })

  test('end an observation when observing is switched off', async () => {
    const observer = { read: async () => ({ requests: 0, errors: 0 }) }
    await using rig = await startedRig({ observe: { observer, windowMs: 60_000 } })
    rig.files.write('app.ts', 'v2')
    await rig.during(rig.manager.reload())
    await rig.clock.advance(5_000)
    expect(rig.processes.alive).toHaveLength(4)
    rig.manager.configure({ observeWindowMs: 0 })
    await rig.clock.advance(10_000)
    expect(rig.processes.alive).toHaveLength(2)
    rig.manager.configure({ observeWindowMs: 60_000 })
    rig.files.write('app.ts', 'v3')
    await rig.during(rig.manager.reload())
    await rig.clock.advance(5_000)
    expect(rig.processes.alive).toHaveLength(4)
  })

  test('that are invalid are refused, and the previous ones stay', async () => {
    await using rig = await startedRig()
    expect(() => rig.manager.configure({ concurrency: 0 })).toThrow(ManagerError)
    expect(() => rig.manager.configure({ drainTimeoutMs: -1 })).toThrow(ManagerError)
    expect(rig.manager.status.health).toBe('ok')
  })
})

test('the outcome of a configuration is in the events and in the status', async () => {
  await using rig = await startedRig()
  expect(rig.manager.status.configuration).toBeUndefined()
  rig.manager.tellConfiguration({ values: { workers: 2 }, applied: [], pending: [] })
  rig.manager.tellConfiguration({ values: { workers: 3 }, applied: ['workers: 2 → 3'], pending: ['port'] })
  await rig.clock.advance(1)
  expect(rig.manager.status.configuration).toEqual({ values: { workers: 3 }, pending: ['port'] })
  expect(rig.events.filter(({ type }) => type === 'configured')).toMatchObject([
    { applied: ['workers: 2 → 3'], pending: ['port'] },
  ])
})

test('content with an unusable configuration is refused for that reason, after a second look', async () => {
  const failure = { kind: 'config', message: 'port: expected a number' } as const
  const builder = { build: async () => ({ ok: false, failure }) as const }
  let isBroken = false
  await using rig = await startedRig({
    builder: {
      build: async (state) =>
        isBroken ? builder.build() : { ok: true, snapshot: { generation: state.generation } },
    },
  })
  isBroken = true
  rig.files.write('app.ts', 'v2')
  const result = await rig.during(rig.manager.reload())
  expect(result).toMatchObject({ ok: false, refusal: { code: 'config-invalid', failure } })
  expect(rig.manager.status).toMatchObject({ health: 'ok', readyWorkers: 2, reloads: { refused: 1 } })
})
