/**
 * The memory of HTTP/2 to clients: what `rip-balancer` takes for a connection on which nothing happens, and for a request on one
 * that waits for its answer.
 *
 *   bun run bench streams [--connections 200] [--streams 100] [--rounds 3] [--program PATH] [--json FILE]
 *
 * Every round starts a balancer, opens the connections, and then that many requests on each, which a backend in HTTP/2 never
 * answers. A tenth of the connections comes and goes before, so that memory for code is not counted. The process is asked for what
 * it occupies, which is what a collector that is in no hurry leaves. `--program` measures the `rip-balancer` of another checkout.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import http2 from 'node:http2'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { freePort, median, timeUntil } from '@rip/testing'
import { residentBytes } from '../proxy/process-usage.ts'
import { writeReport } from '../src/write-report.ts'
import { SilentBackend } from './silent-backend.ts'

const OWN_PROGRAM = fileURLToPath(import.meta.resolve('@rip/balancer/package.json')).replace(
  'package.json',
  'bin/rip-balancer',
)
const LIMIT_MS = 60_000
const SETTLE_MS = 2_000
const WARM_UP_SHARE = 10
/** As a browser sends them. */
const FIELDS = {
  ':path': '/',
  'user-agent': 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0.0.0',
  accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8',
  'accept-language': 'en-GB,en;q=0.9,de;q=0.8',
  'accept-encoding': 'gzip, deflate, br, zstd',
}

const { values } = parseArgs({
  options: {
    connections: { type: 'string', default: '200' },
    streams: { type: 'string', default: '100' },
    rounds: { type: 'string', default: '3' },
    program: { type: 'string', default: OWN_PROGRAM },
    json: { type: 'string' },
  },
})
const connections = Number(values.connections)
const streams = Number(values.streams)

interface Result {
  readonly bytesPerConnection: number
  readonly bytesPerStream: number
}

const folder = mkdtempSync(join(tmpdir(), 'rip-streams-'))
const results: Result[] = []

await using owned = new AsyncDisposableStack()
owned.defer(() => rmSync(folder, { recursive: true, force: true }))
const backend = owned.use(new SilentBackend(connections * streams))
const address = await backend.listen()
for (let round = 0; round < Number(values.rounds); round++) results.push(await measure())

const kib = (of: (result: Result) => number): string => (median(results.map(of)) / 1024).toFixed(1)
console.log(`an idle connection: ${kib((each) => each.bytesPerConnection)} KiB`)
console.log(`a request that waits: ${kib((each) => each.bytesPerStream)} KiB`)
const { json: _json, ...options } = values
writeReport(values.json, options, { results })

async function measure(): Promise<Result> {
  const port = freePort()
  const config = join(folder, 'balancer.json')
  writeFileSync(
    config,
    JSON.stringify({
      listen: { address: `127.0.0.1:${port}`, http2: true },
      to: address,
      maxInFlight: connections * streams,
      limits: { connections: connections * streams, connectionsPerAddress: connections * streams },
    }),
  )
  const child = Bun.spawn([values.program, '--config', config], { stdout: 'pipe', stderr: 'inherit' })
  try {
    await child.stdout.getReader().read()
    await hold(Math.ceil(connections / WARM_UP_SHARE), port, child.pid)
    return await hold(connections, port, child.pid)
  } finally {
    child.kill('SIGKILL')
    await child.exited
    await reached(0)
  }
}

/** Opens so many connections and their requests, and closes all of them. */
async function hold(count: number, port: number, pid: number): Promise<Result> {
  const before = await settled(pid)
  const clients = await Promise.all(Array.from({ length: count }, () => connected(port)))
  const idle = await settled(pid)
  for (const client of clients)
    for (let opened = 0; opened < streams; opened++) client.request(FIELDS).on('error', () => {})
  await reached(count * streams)
  const busy = await settled(pid)
  for (const client of clients) client.destroy()
  await reached(0)
  return {
    bytesPerConnection: (idle - before) / count,
    bytesPerStream: (busy - idle) / count / streams,
  }
}

async function connected(port: number): Promise<http2.ClientHttp2Session> {
  const client = http2.connect(`http://127.0.0.1:${port}`)
  client.on('error', () => {})
  await new Promise<void>((resolve) => client.once('remoteSettings', () => resolve()))
  return client
}

async function reached(count: number): Promise<void> {
  if (!(await timeUntil(() => backend.waiting === count, LIMIT_MS)))
    throw new Error(`${backend.waiting} requests are at the backend instead of ${count}`)
}

async function settled(pid: number): Promise<number> {
  await Bun.sleep(SETTLE_MS)
  return residentBytes([pid])
}
