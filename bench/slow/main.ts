/**
 * Slow clients against one backend that takes 100 requests at once: whether slowhttptest (Debian package) finds the
 * service available, how long other clients wait meanwhile, and how much memory it takes.
 *
 *   bun bench/slow/main.ts [--only TEXT]… [--connections 800] [--seconds 12] [--idle 8800] [--rate 50]
 *                          [--port 18400] [--worker-protocol http1|h2c|auto] [--json FILE]
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { startLoad } from '../faults/load.ts'
import { Stage } from '../faults/stage.ts'
import { openIdle } from '../proxy/idle.ts'
import { residentBytes } from '../proxy/process-usage.ts'
import { writeReport } from '../src/write-report.ts'
import { ATTACKS, run, type Attack, type AttackResult } from './attack.ts'
import { readSlowly } from './slow-reader.ts'

const { values } = parseArgs({
  options: {
    only: { type: 'string', multiple: true },
    connections: { type: 'string', default: '800' },
    seconds: { type: 'string', default: '12' },
    idle: { type: 'string', default: '8800' },
    rate: { type: 'string', default: '50' },
    port: { type: 'string', default: '18400' },
    'worker-protocol': { type: 'string' },
    json: { type: 'string' },
  },
})

interface Result extends AttackResult {
  readonly name: string
  readonly sent: number
  readonly failed: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** Largest growth of the balancer's resident memory. */
  readonly grownBytes: number
}

const MIB = 2 ** 20
const GIGABYTE = 2 ** 30
const port = Number(values.port)
const folder = mkdtempSync(join(tmpdir(), 'rip-slow-'))
const results: Result[] = []
const isWanted = (name: string): boolean => values.only?.some((text) => name.includes(text)) ?? true

try {
  for (const attack of ATTACKS) if (isWanted(attack.name)) await attackOn(attack, attack.name)
  if (isWanted('idle')) await besideIdle()
  if (isWanted('reader of 1 GiB')) await oneSlowReader()
} finally {
  rmSync(folder, { recursive: true, force: true })
}

const { only: _only, json: _json, ...options } = values
writeReport(values.json, options, { results })

/** One backend with the default limits, except the one per address, because all clients are on this machine. */
async function startStage(): Promise<Stage> {
  const config = { limits: { connectionsPerAddress: 100_000 } }
  const workerProtocol = values['worker-protocol']
  const stage = new Stage({ folder: join(folder, String(results.length)), port, config, workerProtocol })
  await stage.startBalancer([await stage.addBackend()])
  return stage
}

async function attackOn(
  attack: Attack,
  name: string,
  connections = Number(values.connections),
): Promise<void> {
  await using stage = await startStage()
  await measure(stage, name, () => run(attack, port, connections, Number(values.seconds)))
}

async function besideIdle(): Promise<void> {
  await using stage = await startStage()
  const count = Number(values.idle)
  const before = residentBytes([stage.balancerPid])
  using _idle = await openIdle(`http://127.0.0.1:${port}`, count)
  const perConnection = (residentBytes([stage.balancerPid]) - before) / count
  console.log(`${count} idle connections: ${perConnection.toFixed(0)} bytes each`)
  const attack = ATTACKS[1]!
  await measure(stage, `1000 ${attack.name}, ${count} idle`, () =>
    run(attack, port, 1_000, Number(values.seconds)),
  )
}

async function oneSlowReader(): Promise<void> {
  await using stage = await startStage()
  // Growth is measured from a process that has done this once, because the first time also loads code and buffers.
  await readSlowly(port, `/bytes/${32 * MIB}`, () => {})
  const before = residentBytes([stage.balancerPid])
  let largest = before
  const note = (): void => void (largest = Math.max(largest, residentBytes([stage.balancerPid])))
  const bytes = await readSlowly(port, `/bytes/${GIGABYTE}`, note)
  if (bytes < GIGABYTE) throw new Error(`only ${bytes} bytes arrived`)
  console.log(
    `1 GiB through a slow reader: the balancer grew by ${((largest - before) / MIB).toFixed(1)} MiB`,
  )
}

/** Runs an attack beside a load of well-behaved clients. */
async function measure(stage: Stage, name: string, attack: () => Promise<AttackResult>): Promise<void> {
  const load = await startLoad({ port, ratePerSecond: Number(values.rate), keptConnections: 0 })
  const before = residentBytes([stage.balancerPid])
  let largest = before
  const sampler = setInterval(() => (largest = Math.max(largest, residentBytes([stage.balancerPid]))), 100)
  const found = await attack()
  const { sent, failed, p50Ms, p99Ms } = await load.stop()
  clearInterval(sampler)
  const result: Result = {
    name,
    ...found,
    sent,
    failed,
    p50Ms,
    p99Ms,
    grownBytes: largest - before,
  }
  results.push(result)
  print(result)
}

function print(result: Result): void {
  const { name, available, unavailable, sent, failed, p50Ms, p99Ms, grownBytes } = result
  const columns = [
    name.padEnd(36),
    `available ${available} times, not ${unavailable}`.padEnd(30),
    `${failed} failed of ${sent}`.padEnd(20),
    `p50 ${p50Ms.toFixed(1)} p99 ${p99Ms.toFixed(1)} ms`.padEnd(26),
    `+${(grownBytes / MIB).toFixed(0)} MiB`,
  ]
  console.log(columns.join(' '))
}
