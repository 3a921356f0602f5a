import { describe, expect, test } from 'bun:test'
import type { SupervisorMessage, WorkerMessage } from '@rip/worker/protocol'
import type { Finding } from '../../src/contract/manager-api.ts'
import { Inspections } from '../../src/manager/inspections.ts'
import { fakeClock, settled } from '../../src/testing/fake-clock.ts'
import { startedRig } from './rig.ts'

const PID = 7

function setup() {
  const clock = fakeClock()
  const sent: SupervisorMessage[] = []
  const silences: number[] = []
  const inspections = new Inspections({
    clock,
    send: (_pid, message) => void sent.push(message),
    expectSilence: (_pid, forMs) => void silences.push(forMs),
  })
  const says = (message: WorkerMessage | null): boolean => inspections.take(PID, message)
  return { clock, sent, silences, inspections, says }
}

const reasonOf = (look: Promise<unknown>): Promise<string> =>
  look.then(
    () => 'none',
    (error: Error) => error.message,
  )

async function read({ parts }: Finding): Promise<Uint8Array> {
  const all: Uint8Array[] = []
  for await (const part of parts) all.push(part)
  return Buffer.concat(all)
}

const partOf = (length: number, order = 1): WorkerMessage => ({
  type: 'part',
  order,
  base64: new Uint8Array(length).toBase64(),
})

describe('a look into a process', () => {
  test('is fetched part by part, each when it is read', async () => {
    const { inspections, sent, says } = setup()
    const looking = inspections.look(PID, { kind: 'memory' })
    expect(sent).toEqual([{ type: 'inspect', order: 1, kind: 'memory', forMs: 5_000 }])
    expect(says({ type: 'inspected', order: 1, bytes: 393_216 + 2 })).toBe(true)
    const finding = await looking
    expect(sent).toHaveLength(1)
    const reading = read(finding)
    await settled()
    says(partOf(393_216))
    await settled()
    says(partOf(2))
    expect((await reading).byteLength).toBe(393_218)
    expect(sent.slice(1)).toEqual([
      { type: 'send-part', order: 1 },
      { type: 'send-part', order: 1 },
    ])
  })

  test.each([partOf(5), partOf(1), { type: 'inspected', order: 1, bytes: 1 } as const])(
    'fails when something else comes than was asked for: %p',
    async (message) => {
      const { inspections, says } = setup()
      const looking = inspections.look(PID, { kind: 'memory' })
      says({ type: 'inspected', order: 1, bytes: 4 })
      const reading = read(await looking)
      await settled()
      says(message)
      expect(await reasonOf(reading)).toMatch(/it sent (?:another part|something else) than was asked for/)
    },
  )

  test('fails when the process does not answer in time, and the next one is not confused by what comes late', async () => {
    const { inspections, clock, says, sent } = setup()
    const looking = reasonOf(inspections.look(PID, { kind: 'cpu', forMs: 2_000 }))
    await clock.advance(6_999)
    expect(sent).toHaveLength(1)
    await clock.advance(1)
    expect(await looking).toContain('it has not answered within 7 s: its event loop is blocked')
    const next = inspections.look(PID, { kind: 'memory' })
    says({ type: 'inspected', order: 1, bytes: 1 })
    says({ type: 'not-inspected', order: 2, reason: 'no' })
    expect(await reasonOf(next)).toBe('process 7 cannot be looked at: no')
  })

  test('fails when the process ends, which everybody else hears of, too', async () => {
    const { inspections, says } = setup()
    const looking = reasonOf(inspections.look(PID, { kind: 'memory' }))
    expect(says(null)).toBe(false)
    expect(await looking).toContain('it has ended')
  })

  test('is the only one in its process, until it is over or its reader has gone', async () => {
    const { inspections, says } = setup()
    const abort = new AbortController()
    const looking = inspections.look(PID, { kind: 'memory' }, abort.signal)
    expect(await reasonOf(inspections.look(PID, { kind: 'memory' }))).toContain(
      'it is being looked at already',
    )
    says({ type: 'inspected', order: 1, bytes: 1 })
    await looking
    abort.abort()
    void inspections.look(PID, { kind: 'memory' }).catch(() => {})
    expect(says({ type: 'inspected', order: 2, bytes: 1 })).toBe(true)
  })

  test('that stops the process is announced, so that it is not taken for stuck', async () => {
    const { inspections, silences } = setup()
    void inspections.look(PID, { kind: 'heap' }).catch(() => {})
    expect(silences).toEqual([60_000])
  })

  test.each([0, -1, NaN, 60_001])('for %p ms is refused', async (forMs) => {
    const { inspections, sent } = setup()
    expect(await reasonOf(inspections.look(PID, { kind: 'cpu', forMs }))).toContain(
      'more than 0 and at most 60000',
    )
    expect(sent).toEqual([])
  })
})

describe('a worker that is looked at', () => {
  test('may be silent for a minute while a snapshot is taken, and not for longer', async () => {
    await using rig = await startedRig()
    const [worker] = rig.processes.alive
    void rig.manager.inspect(worker!.pid, { kind: 'heap' }).catch(() => {})
    worker!.freeze()
    await rig.clock.advance(59_000)
    expect(worker!.signals).toEqual([])
    await rig.clock.advance(30_000)
    expect(worker!.signals).toContain('SIGXCPU')
  })

  test('is one of the application', async () => {
    await using rig = await startedRig()
    expect(await reasonOf(rig.manager.inspect(1, { kind: 'memory' }))).toBe(
      'process 1 cannot be looked at: it is no process of the application',
    )
  })
})
