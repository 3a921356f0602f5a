/**
 * Slow readers on a connection that others share: how long requests take beside 1, 10 and 50 clients that hardly read what they
 * have asked for, with HTTP/1.1 and with HTTP/2 between balancer and backend.
 *
 *   bun bench/slow-readers/main.ts [--readers 0,1,10,50] [--rounds 5] [--seconds 5] [--rate 200] [--port 18450] [--json FILE]
 *
 * One balancer and one backend for each protocol, by turns in every round. The exit code is 1 when a request failed.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { median } from '@rip/testing'
import { startLoad } from '../faults/load.ts'
import { Stage } from '../faults/stage.ts'
import { residentBytes } from '../proxy/process-usage.ts'
import { writeReport } from '../src/write-report.ts'

const { values } = parseArgs({
  options: {
    readers: { type: 'string', default: '0,1,10,50' },
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '5' },
    rate: { type: 'string', default: '200' },
    port: { type: 'string', default: '18450' },
    json: { type: 'string' },
  },
})

interface Result {
  readonly protocol: string
  readonly readers: number
  readonly sent: number
  readonly failed: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** By how much the balancer has grown at the end of a round. */
  readonly grownBytes: number
}

const PROTOCOLS = ['http1', 'h2c'] as const
const MIB = 2 ** 20
const RESPONSE_BYTES = 64 * MIB
/** A reader reads once in this time, which is more than the slowest rate allowed. */
const READ_EACH_MS = 500
const SETTLE_MS = 500

const counts = values.readers.split(',').map(Number)
const folder = mkdtempSync(join(tmpdir(), 'rip-slow-readers-'))
const results: Result[] = []

await using owned = new AsyncDisposableStack()
owned.defer(() => rmSync(folder, { recursive: true, force: true }))
const stages = await Promise.all(PROTOCOLS.map(startStage))
// The first requests of a process compile its code.
for (const stage of stages) await measure(stage, 'warming up', 1)
results.length = 0
for (let round = 0; round < Number(values.rounds); round++)
  for (const readers of counts)
    for (const [at, stage] of stages.entries()) results.push(await measure(stage, PROTOCOLS[at]!, readers))

print()
const { json: _json, ...options } = values
writeReport(values.json, options, { results })
process.exitCode = results.some(({ failed }) => failed > 0) ? 1 : 0

async function startStage(workerProtocol: string, at: number): Promise<Stage> {
  const stage = owned.use(
    new Stage({
      folder: join(folder, workerProtocol),
      port: Number(values.port) + at,
      workerProtocol,
      config: { limits: { connectionsPerAddress: 100_000 } },
    }),
  )
  await stage.startBalancer([await stage.addBackend()])
  return stage
}

async function measure(stage: Stage, protocol: string, count: number): Promise<Result> {
  const before = residentBytes([stage.balancerPid])
  const readers = await Promise.all(Array.from({ length: count }, () => readSlowly(stage.port)))
  await Bun.sleep(SETTLE_MS)
  const load = await startLoad({
    port: stage.port,
    ratePerSecond: Number(values.rate),
    keptConnections: 20,
  })
  await Bun.sleep(Number(values.seconds) * 1_000)
  const { sent, failed, p50Ms, p99Ms } = await load.stop()
  const grownBytes = residentBytes([stage.balancerPid]) - before
  for (const reader of readers) reader.destroy()
  await Bun.sleep(SETTLE_MS)
  return { protocol, readers: count, sent, failed, p50Ms, p99Ms, grownBytes }
}

/** Asks for a long response and hardly reads it. Resolves when its beginning is here. */
async function readSlowly(port: number): Promise<{ destroy(): void }> {
  const begun = Promise.withResolvers<void>()
  const socket = await Bun.connect({
    hostname: '127.0.0.1',
    port,
    socket: {
      open: (each) => void each.write(`GET /bytes/${RESPONSE_BYTES} HTTP/1.1\r\nHost: localhost\r\n\r\n`),
      data(each) {
        begun.resolve()
        each.pause()
        setTimeout(() => each.resume(), READ_EACH_MS).unref()
      },
      error() {},
    },
  })
  await begun.promise
  return { destroy: () => void socket.terminate() }
}

function print(): void {
  for (const readers of counts)
    for (const protocol of PROTOCOLS) {
      const all = results.filter((each) => each.readers === readers && each.protocol === protocol)
      const sum = (value: (each: Result) => number): number =>
        all.reduce((total, each) => total + value(each), 0)
      const middle = (value: (each: Result) => number): number => median(all.map(value))
      const columns = [
        `${readers} slow readers`.padEnd(16),
        protocol.padEnd(6),
        `${sum(({ failed }) => failed)} failed of ${sum(({ sent }) => sent)}`.padEnd(20),
        `p50 ${middle(({ p50Ms }) => p50Ms).toFixed(2)} p99 ${middle(({ p99Ms }) => p99Ms).toFixed(2)} ms`.padEnd(
          24,
        ),
        `+${(middle(({ grownBytes }) => grownBytes) / MIB).toFixed(1)} MiB`,
      ]
      console.log(columns.join(' '))
    }
}
