/**
 * Proxies in front of the very same workers, interleaved: every round puts each shape on each proxy in turn,
 * so that a change of the machine's speed meets all of them. Prints medians and ratios to nginx; writes JSON.
 *
 *   bun bench/proxy/main.ts [--rounds 3] [--seconds 3] [--shape NAME]… [--proxy NAME]… [--json FILE]
 */
import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, release, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { CONTENDERS, type Contender } from './contender.ts'
import { openIdle } from './idle.ts'
import { cpuMicros, processTree, residentBytes } from './process-usage.ts'
import { SHAPES, type Shape } from './shape.ts'
import { load } from './wrk.ts'

interface Sample {
  readonly requestsPerSecond: number
  readonly cpuMicrosPerRequest: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly rssBytes: number
  readonly failed: number
}

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '3' },
    shape: { type: 'string', multiple: true },
    proxy: { type: 'string', multiple: true },
    json: { type: 'string' },
  },
})

const chosen = <T extends { readonly name: string }>(
  all: readonly T[],
  names: readonly string[] | undefined,
): T[] => all.filter((each) => names === undefined || names.includes(each.name))

const shapes = chosen(SHAPES, values.shape)
const contenders = chosen(CONTENDERS, values.proxy).filter(
  ({ version }) => Bun.which(version[0] ?? '') !== null,
)
const folder = mkdtempSync(join(tmpdir(), 'rip-bench-'))
const children: Bun.Subprocess[] = []

function start(command: readonly string[]): Bun.Subprocess {
  const child = Bun.spawn([...command], { stdio: ['ignore', 'ignore', 'inherit'] })
  children.push(child)
  return child
}

/** Resolves when the address answers; throws after ten seconds. */
async function answering(url: string, unix?: string): Promise<void> {
  const until = performance.now() + 10_000
  while (performance.now() < until) {
    const response = await fetch(url, { ...(unix && { unix }), tls: { rejectUnauthorized: false } }).catch(
      () => null,
    )
    if (response?.ok) return
    await Bun.sleep(20)
  }
  throw new Error(`${unix ?? url} did not answer within 10 s`)
}

async function startOrigins(count: number): Promise<string[]> {
  const origins = Array.from({ length: count }, (_, at) => join(folder, `o${at}.sock`))
  const program = fileURLToPath(new URL('origin.ts', import.meta.url))
  for (const path of origins) start(['bun', program, path])
  await Promise.all(origins.map((path) => answering('http://localhost/small', path)))
  return origins
}

function makeCertificate(): { cert: string; key: string } {
  const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')]
  const made = Bun.spawnSync(
    `openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost -keyout ${key} -out ${cert}`.split(
      ' ',
    ),
  )
  if (!made.success) throw new Error(`openssl failed: ${made.stderr.toString()}`)
  return { cert, key }
}

async function sample(child: Bun.Subprocess, base: string, shape: Shape): Promise<Sample> {
  const pids = processTree(child.pid)
  const before = cpuMicros(pids)
  const result = await load(base, shape, Number(values.seconds), folder)
  return {
    requestsPerSecond: result.requestsPerSecond,
    cpuMicrosPerRequest: (cpuMicros(pids) - before) / result.requests,
    p50Ms: result.p50Ms,
    p99Ms: result.p99Ms,
    rssBytes: residentBytes(pids),
    failed: result.failed,
  }
}

const median = (numbers: readonly number[]): number =>
  numbers.toSorted((a, b) => a - b)[numbers.length >> 1] ?? Number.NaN

function summary(samples: readonly Sample[]): Sample {
  const of = (key: keyof Sample): number => median(samples.map((each) => each[key]))
  return {
    requestsPerSecond: of('requestsPerSecond'),
    cpuMicrosPerRequest: of('cpuMicrosPerRequest'),
    p50Ms: of('p50Ms'),
    p99Ms: of('p99Ms'),
    rssBytes: of('rssBytes'),
    failed: samples.reduce((sum, each) => sum + each.failed, 0),
  }
}

interface Running {
  readonly contender: Contender
  readonly child: Bun.Subprocess
  readonly base: string
  readonly tlsBase: string
}

async function startContenders(origins: readonly string[], round: string): Promise<Running[]> {
  const running: Running[] = []
  for (const contender of contenders) {
    const port = 18_000 + running.length * 2
    const own = join(folder, `${contender.name}-${round}`)
    mkdirSync(own, { recursive: true })
    const child = start(contender.command({ ...certificate, port, tlsPort: port + 1, origins, folder: own }))
    running.push({
      contender,
      child,
      base: `http://127.0.0.1:${port}`,
      tlsBase: `https://127.0.0.1:${port + 1}`,
    })
    await answering(`http://127.0.0.1:${port}/small`)
  }
  return running
}

async function measure(shape: Shape, running: readonly Running[]): Promise<Map<string, Sample[]>> {
  const samples = new Map<string, Sample[]>()
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const { contender, child, base, tlsBase } of running) {
      using _idle = await openIdle(base, shape.idle ?? 0)
      const taken = await sample(child, shape.tls ? tlsBase : base, shape)
      samples.set(contender.name, [...(samples.get(contender.name) ?? []), taken])
    }
  }
  return samples
}

function printShape(shape: Shape, results: ReadonlyMap<string, Sample>): void {
  const base = results.values().next().value
  if (base === undefined) return
  console.log(`\n${shape.name}: ${shape.connections} connections`)
  for (const [name, each] of results) {
    const ratio = (value: number, of: number): string => `${(value / of).toFixed(2)}×`
    console.log(
      [
        name.padEnd(13),
        `${Math.round(each.requestsPerSecond)} rps`.padStart(12),
        ratio(each.requestsPerSecond, base.requestsPerSecond).padStart(7),
        `${each.cpuMicrosPerRequest.toFixed(1)} µs`.padStart(11),
        ratio(each.cpuMicrosPerRequest, base.cpuMicrosPerRequest).padStart(7),
        `p50 ${each.p50Ms.toFixed(2)} ms  p99 ${each.p99Ms.toFixed(2)} ms`.padStart(30),
        `${Math.round(each.rssBytes / 2 ** 20)} MiB`.padStart(9),
        each.failed === 0 ? '' : `  ${each.failed} FAILED`,
      ].join(' '),
    )
  }
}

async function stopAll(): Promise<void> {
  for (const child of children.splice(0)) {
    child.kill('SIGTERM')
    const forced = setTimeout(() => child.kill('SIGKILL'), 3000)
    await child.exited
    clearTimeout(forced)
  }
}

const certificate = makeCertificate()
const report: Record<string, Record<string, Sample>> = {}
try {
  for (const backends of new Set(shapes.map((shape) => shape.backends ?? 2))) {
    const running = await startContenders(await startOrigins(backends), String(backends))
    for (const shape of shapes.filter((each) => (each.backends ?? 2) === backends)) {
      const samples = await measure(shape, running)
      const results = new Map([...samples].map(([name, taken]) => [name, summary(taken)]))
      printShape(shape, results)
      report[shape.name] = Object.fromEntries(results)
    }
    await stopAll()
  }
} finally {
  await stopAll()
  rmSync(folder, { recursive: true, force: true })
}

if (values.json !== undefined) {
  const machine = { kernel: release(), cpus: cpus().length, model: cpus()[0]?.model, bun: Bun.version }
  const options = { rounds: Number(values.rounds), seconds: Number(values.seconds) }
  writeFileSync(
    values.json,
    JSON.stringify({ at: new Date().toISOString(), machine, options, shapes: report }, null, 2),
  )
}
