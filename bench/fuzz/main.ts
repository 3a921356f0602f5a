/**
 * Differential fuzzing: broken requests go through the balancer. The strictest reading, Bun.serve, node:http and nginx
 * must read alike what reaches a backend: the same method, target and host, and the same end.
 *
 *   bun bench/fuzz/main.ts [--count 100000] [--seed 1] [--compare 1]
 *
 * --compare N compares every Nth distinct forwarded request. Exits with 1 when anything was found, and prints the seed
 * of each finding: `mutated(seed)` makes the request again.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { balance } from '@rip/balancer'
import { mutated } from './mutator.ts'
import { startOrigins, understood, type Origin } from './origin.ts'
import { Recorder, type Recorded } from './recorder.ts'

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '100000' },
    seed: { type: 'string', default: '1' },
    compare: { type: 'string', default: '1' },
  },
})

/** Requests under way at once. */
const PARALLEL = 64
const MAX_FINDINGS = 20

const folder = mkdtempSync(join(tmpdir(), 'rip-fuzz-'))
const socket = join(folder, 'origin.sock')
const findings: string[] = []
const seen = new Set<string>()
let forwarded = 0
let compared = 0

/** Sends bytes and half-closes; resolves with the answer when the connection has ended. */
function send(port: number, bytes: Buffer): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>()
  let answer = ''
  Bun.connect({
    hostname: '127.0.0.1',
    port,
    allowHalfOpen: true,
    socket: {
      open: (client) => {
        client.write(bytes)
        client.shutdown()
      },
      data: (_client, more) => void (answer += more.toString('latin1')),
      end: (client) => void client.end(),
      close: () => resolve(answer),
      error: () => resolve(answer),
    },
  }).catch((error: Error) => resolve(`not connected: ${error.message}`))
  return promise
}

/** Forwarded bytes without the fields that differ for every request. */
const shapeOf = ({ bytes }: Recorded): string =>
  bytes.toString('latin1').replace(/^X-Request-Id: .*\r\n/im, '')

const PROBE_LINE = 'GET /probe probe'

/** Whether an origin agrees: it may refuse the request and everything after it, but must not read it differently. */
function agrees(origin: Origin, { method, target, host }: Recorded, got: string): boolean {
  if (got === '') return true
  // The answer to HEAD has no body.
  if (method === 'HEAD') return got === PROBE_LINE
  return got === `${method} ${origin.targetOf(target)} ${host} | ${PROBE_LINE}`
}

async function compare(origin: Origin, request: Recorded, seed: number): Promise<void> {
  const got = await understood(origin, request.bytes)
  if (agrees(origin, request, got)) return
  const sent = JSON.stringify(request.bytes.toString('latin1'))
  findings.push(`seed ${seed}: ${origin.name} read ${JSON.stringify(got)}, the balancer sent ${sent}`)
}

const recorder = new Recorder(socket)
const origins = await startOrigins(folder)
const balancer = await balance({
  listen: '127.0.0.1:0',
  to: `unix:${socket}`,
  limits: { connectionsPerAddress: 10_000 },
  timeouts: { header: '2s', body: '2s', response: '2s' },
})
const port = Number(new URL(balancer.url).port)

async function runOne(seed: number): Promise<void> {
  const answer = await send(port, mutated(seed))
  if (answer !== '' && !answer.startsWith('HTTP/1.1 '))
    findings.push(`seed ${seed}: answered ${JSON.stringify(answer.slice(0, 200))}`)
}

/** Compares the requests recorded since the last call. Recorded requests carry no seed, so a batch shares one. */
async function compareNew(seed: number): Promise<void> {
  const fresh = recorder.requests.splice(0)
  forwarded += fresh.length
  for (const request of fresh) {
    const shape = shapeOf(request)
    if (seen.has(shape)) continue
    seen.add(shape)
    if (seen.size % Number(values.compare) !== 0) continue
    compared++
    await Promise.all(origins.map((origin) => compare(origin, request, seed)))
  }
}

const first = Number(values.seed)
const count = Number(values.count)
const startedAt = performance.now()
for (let at = 0; at < count && findings.length < MAX_FINDINGS; at += PARALLEL) {
  const seeds = Array.from({ length: Math.min(PARALLEL, count - at) }, (_, n) => first + at + n)
  await Promise.all(seeds.map(runOne))
  findings.push(...recorder.anomalies.splice(0).map((text) => `seeds ${seeds[0]}–${seeds.at(-1)}: ${text}`))
  await compareNew(seeds[0]!)
}

const seconds = (performance.now() - startedAt) / 1000
console.log(
  `${count} requests in ${seconds.toFixed(0)} s: ${forwarded} forwarded, ${seen.size} distinct, ${compared} compared with ${origins.map(({ name }) => name).join(', ')}`,
)
if (forwarded === 0) findings.push('nothing was forwarded, so nothing was compared')
for (const finding of findings) console.log(finding)
console.log(`${findings.length} findings`)
await balancer.close()
await recorder[Symbol.asyncDispose]()
for (const { child } of origins) {
  child.kill()
  await child.exited
}
rmSync(folder, { recursive: true, force: true })
process.exitCode = findings.length === 0 ? 0 : 1
