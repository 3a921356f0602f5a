/**
 * The memory of HTTP/2 to clients: what `rip-balancer` takes for a connection on which nothing happens, and for a request on one
 * that waits for its answer.
 *
 *   bun run bench streams [--connections 200] [--streams 100] [--rounds 3] [--tls] [--program PATH]… [--json FILE]
 *
 * Every round starts a balancer, opens the connections, and then that many requests on each, which a backend in HTTP/2 never
 * answers. As many connections with as many requests are there before, so that what is counted is what further ones take, and not
 * memory for code. The process is asked for what it occupies, which is what a collector that is in no hurry leaves. Beside it,
 * `Bun.listen` that does nothing but greet shows what the runtime takes for a connection. `--program` measures the `rip-balancer` of
 * other checkouts, by turns.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import http2 from 'node:http2'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { freePort, median, timeUntil } from '@rip/testing'
import { makeCertificate } from '../proxy/certificate.ts'
import { residentBytes } from '../proxy/process-usage.ts'
import { writeReport } from '../src/write-report.ts'
import { SilentBackend } from './silent-backend.ts'

const OWN_PROGRAM = fileURLToPath(import.meta.resolve('@rip/balancer/package.json')).replace(
  'package.json',
  'bin/rip-balancer',
)
const GREETER = fileURLToPath(import.meta.resolve('./greeter.ts'))
const LIMIT_MS = 60_000
const SETTLE_MS = 2_000
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
    tls: { type: 'boolean', default: false },
    program: { type: 'string', multiple: true, default: [OWN_PROGRAM] },
    json: { type: 'string' },
  },
})
const connections = Number(values.connections)
const streams = Number(values.streams)

interface Result {
  readonly bytesPerConnection: number
  /** `undefined` for a program that takes no requests. */
  readonly bytesPerStream: number | undefined
}

/** A program that is measured, and what it is started with. */
interface Measured {
  readonly name: string
  readonly takesRequests: boolean
  command(port: number): readonly string[]
}

const folder = mkdtempSync(join(tmpdir(), 'rip-streams-'))

await using owned = new AsyncDisposableStack()
owned.defer(() => rmSync(folder, { recursive: true, force: true }))
const tls = values.tls ? makeCertificate(folder) : undefined
const backend = owned.use(new SilentBackend(2 * connections * streams))
const address = await backend.listen()
const all: readonly Measured[] = [
  ...values.program.map(balancer),
  { name: 'Bun.listen', takesRequests: false, command: listener },
]
const results = new Map(all.map(({ name }) => [name, [] as Result[]]))
for (let round = 0; round < Number(values.rounds); round++)
  for (const each of all) results.get(each.name)!.push(await measure(each))

const kib = (bytes: readonly number[]): string => `${(median(bytes) / 1024).toFixed(1)} KiB`
for (const [name, of] of results) {
  const requests = of.flatMap(({ bytesPerStream = [] }) => bytesPerStream)
  const waiting = requests.length === 0 ? '' : `, a request that waits: ${kib(requests)}`
  console.log(`${name}: an idle connection: ${kib(of.map((each) => each.bytesPerConnection))}${waiting}`)
}
const { json: _json, ...options } = values
writeReport(values.json, options, { results: Object.fromEntries(results) })

function balancer(program: string): Measured {
  const most = 2 * connections * streams
  return {
    name: program === OWN_PROGRAM ? 'rip-balancer' : program,
    takesRequests: true,
    command(port) {
      const config = join(folder, 'balancer.json')
      const listen = { address: `127.0.0.1:${port}`, http2: true, ...(tls !== undefined && { tls }) }
      const limits = { connections: most, connectionsPerAddress: most }
      writeFileSync(config, JSON.stringify({ listen, to: address, maxInFlight: most, limits }))
      return [program, '--config', config]
    },
  }
}

function listener(port: number): readonly string[] {
  return [process.execPath, GREETER, String(port), ...(tls === undefined ? [] : [tls.cert, tls.key])]
}

async function measure(program: Measured): Promise<Result> {
  const port = freePort()
  const child = Bun.spawn([...program.command(port)], { stdout: 'pipe', stderr: 'inherit' })
  const count = program.takesRequests ? streams : 0
  try {
    await child.stdout.getReader().read()
    using _former = await hold(count, port)
    const before = await settled(child.pid)
    using clients = await hold(0, port)
    const idle = await settled(child.pid)
    if (count === 0) return { bytesPerConnection: (idle - before) / connections, bytesPerStream: undefined }
    await clients.ask(count)
    const busy = await settled(child.pid)
    return {
      bytesPerConnection: (idle - before) / connections,
      bytesPerStream: (busy - idle) / connections / count,
    }
  } finally {
    child.kill('SIGKILL')
    await child.exited
    await reached(0)
  }
}

interface Clients extends Disposable {
  /** Sends so many requests on each connection. */
  ask(count: number): Promise<void>
}

/** Opens the connections, with so many requests on each. */
async function hold(count: number, port: number): Promise<Clients> {
  const clients = await Promise.all(Array.from({ length: connections }, () => connected(port)))
  const held: Clients = {
    async ask(more) {
      const before = backend.waiting
      for (const client of clients)
        for (let opened = 0; opened < more; opened++) client.request(FIELDS).on('error', () => {})
      await reached(before + connections * more)
    },
    [Symbol.dispose]() {
      for (const client of clients) client.destroy()
    },
  }
  if (count > 0) await held.ask(count)
  return held
}

async function connected(port: number): Promise<http2.ClientHttp2Session> {
  const client = http2.connect(`${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`, {
    rejectUnauthorized: false,
  })
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
