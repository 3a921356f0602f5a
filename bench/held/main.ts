/**
 * Idle WebSockets and event streams beside requests: 200 requests a second to `rip-server start` with two workers,
 * alone and while thousands of connections are held, and the memory that each of these takes.
 *
 *   bun run bench held [--sockets 5000] [--streams 1000] [--rate 200] [--seconds 15] [--open-seconds 60]
 *                      [--program PATH] [--json FILE]
 *
 * `--program` measures the `rip-server` of another checkout. All limits have their defaults, except that of connections
 * per address, because all clients are on this machine. The exit code is 1 when a request failed, or a connection could
 * not be held.
 */
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { freePort, timeUntil } from '@rip/testing'
import { startLoad } from '../faults/load.ts'
import { processTree, residentBytes } from '../proxy/process-usage.ts'
import { HeldConnections } from './held-connections.ts'

const OWN_PROGRAM = fileURLToPath(new URL('../../packages/rip-server-cli/bin/rip-server', import.meta.url))
const APP = fileURLToPath(new URL('app', import.meta.url))
const CONFIG = 'export default { balancer: { limits: { connectionsPerAddress: 100_000 } } }\n'
const KEPT_CONNECTIONS = 20
const START_LIMIT_MS = 30_000
const SETTLE_MS = 2_000

const { values } = parseArgs({
  options: {
    sockets: { type: 'string', default: '5000' },
    streams: { type: 'string', default: '1000' },
    rate: { type: 'string', default: '200' },
    seconds: { type: 'string', default: '15' },
    'open-seconds': { type: 'string', default: '60' },
    program: { type: 'string', default: OWN_PROGRAM },
    json: { type: 'string' },
  },
})

interface Result {
  readonly name: string
  readonly held: number
  readonly sent: number
  readonly failed: number
  readonly p50Ms: number
  readonly p99Ms: number
}

const port = freePort()
const folder = mkdtempSync(join(tmpdir(), 'rip-held-'))
const results: Result[] = []

await using owned = new AsyncDisposableStack()
owned.defer(() => rmSync(folder, { recursive: true, force: true }))
const pid = await startServer()
// The first requests of a process compile its code.
await measure('warming up', 0)
results.length = 0

await measure('nothing held', 0)
const before = residentBytes(processTree(pid))
using held = new HeldConnections(port)
const startedAtMs = performance.now()
const limitMs = Number(values['open-seconds']) * 1_000
await held.add('WebSocket', Number(values.sockets), limitMs)
await held.add('event stream', Number(values.streams), Math.max(0, startedAtMs + limitMs - performance.now()))
const seconds = (performance.now() - startedAtMs) / 1_000
const grown = (residentBytes(processTree(pid)) - before) / Math.max(1, held.count)
console.log(
  `${held.count} held after ${seconds.toFixed(1)} s, ${held.refused} refused; ${(grown / 1024).toFixed(1)} KiB each`,
)
await measure('held', held.count)
const { lost, refused } = held
console.log(`${lost} of them lost`)
held[Symbol.dispose]()
// Closing thousands at once takes the servers a moment, which is not measured.
await Bun.sleep(SETTLE_MS)
await measure('given up', 0)

if (values.json !== undefined)
  writeFileSync(values.json, JSON.stringify({ results, grown, lost, refused }, null, 2))
process.exitCode = lost + refused > 0 || results.some(({ failed }) => failed > 0) ? 1 : 0

/** @returns the process when its workers answer */
async function startServer(): Promise<number> {
  const app = join(folder, 'app')
  const runDir = join(folder, 'run')
  cpSync(APP, app, { recursive: true })
  mkdirSync(runDir)
  writeFileSync(join(app, 'rip-server.config.ts'), CONFIG)
  const server = Bun.spawn(
    [
      process.execPath,
      values.program,
      'start',
      app,
      '--port',
      String(port),
      '--workers',
      '2',
      '--bind',
      '127.0.0.1',
    ],
    {
      stdio: ['ignore', Bun.file(join(folder, 'log')), Bun.file(join(folder, 'log'))],
      env: { ...process.env, XDG_RUNTIME_DIR: runDir },
    },
  )
  owned.defer(async () => {
    server.kill()
    await server.exited
  })
  if (!Number.isFinite(await timeUntil(isServing, START_LIMIT_MS)))
    throw new Error(await Bun.file(join(folder, 'log')).text())
  return server.pid
}

function isServing(): Promise<boolean> {
  return fetch(`http://127.0.0.1:${port}/`).then(
    ({ ok }) => ok,
    () => false,
  )
}

async function measure(name: string, count: number): Promise<void> {
  const load = await startLoad({
    port,
    ratePerSecond: Number(values.rate),
    keptConnections: KEPT_CONNECTIONS,
  })
  await Bun.sleep(Number(values.seconds) * 1_000)
  const { sent, failed, p50Ms, p99Ms } = await load.stop()
  const result: Result = {
    name,
    held: count,
    sent,
    failed,
    p50Ms,
    p99Ms,
  }
  results.push(result)
  console.log(
    `${name.padEnd(14)} ${String(count).padStart(5)} held  ${result.failed} failed of ${result.sent}  ` +
      `p50 ${result.p50Ms.toFixed(1)} p99 ${result.p99Ms.toFixed(1)} ms`,
  )
}
