/**
 * How fast Rip is compiled: this compiler, CoffeeScript 2.7.0 and, from a checkout, the reference compiler, on
 * the same files, interleaved, each sample in a fresh process.
 *
 *   bun run bench compile [--corpus FOLDER]... [--compiler NAME]... [--reference CHECKOUT] [--rounds 5] [--warm-ms 2000] [--json FILE]
 *
 * Lines per second cold (first compilation after the import) and warm (fastest round), time of the import, and
 * ratios per round. Compared are the files that every compiler accepts. Then growth: one generated file of
 * 1 000 to 100 000 lines.
 */
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { median } from '@rip/testing'
import { CONTENDERS, type Contender } from './contender.ts'
import { countLines, generatedFile, ripFiles } from './corpus.ts'
import type { Sample, SampleRequest } from './sample.ts'

const GROWTH_LINES = [1_000, 3_000, 10_000, 30_000, 100_000]

const { values } = parseArgs({
  options: {
    corpus: { type: 'string', multiple: true },
    compiler: { type: 'string', multiple: true },
    reference: { type: 'string' },
    rounds: { type: 'string', default: '5' },
    'warm-ms': { type: 'string', default: '2000' },
    json: { type: 'string' },
  },
})
const demo = fileURLToPath(new URL('../../apps/demo', import.meta.url))
const warmMs = Number(values['warm-ms'])
const referenceEntry = values.reference === undefined ? '' : entryOf(values.reference)
const contenders = CONTENDERS.filter(
  (name) => (values.compiler?.includes(name) ?? true) && (name !== 'reference' || referenceEntry !== ''),
)

const files = await sharedFiles((values.corpus ?? [demo]).flatMap(ripFiles))
const lines = countLines(files)
console.log(`${files.length} files, ${lines} lines that ${contenders.join(', ')} accept\n`)

const rounds = await measureRounds()
const report = {
  machine: { cpu: cpus()[0]?.model, cores: cpus().length, bun: Bun.version },
  files: files.length,
  lines,
  rounds,
  growth: await measureGrowth(),
}
print()
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(report, null, 2)}\n`)

function entryOf(checkout: string): string {
  const { main = 'src/compiler.js' } = JSON.parse(readFileSync(join(checkout, 'package.json'), 'utf8')) as {
    main?: string
  }
  return join(checkout, main)
}

type Task = Pick<SampleRequest, 'files' | 'probe' | 'warmMs'>

async function sample(contender: Contender, task: Task): Promise<Sample> {
  const request: SampleRequest = { contender, referenceEntry, ...task }
  const program = fileURLToPath(new URL('sample.ts', import.meta.url))
  const child = Bun.spawn([process.execPath, program, JSON.stringify(request)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  return JSON.parse(await new Response(child.stdout).text()) as Sample
}

async function sharedFiles(candidates: readonly string[]): Promise<readonly string[]> {
  let shared = candidates
  for (const contender of contenders) {
    const { accepted } = await sample(contender, { files: shared, probe: true, warmMs: 0 })
    shared = accepted
  }
  return shared
}

async function measureRounds(): Promise<Record<string, Sample[]>> {
  const samples: Record<string, Sample[]> = {}
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const contender of contenders) {
      const taken = await sample(contender, { files, probe: false, warmMs })
      ;(samples[contender] ??= []).push({ ...taken, accepted: [] })
    }
  }
  return samples
}

interface Growth {
  readonly lines: number
  readonly ms: number
}

async function measureGrowth(): Promise<Growth[]> {
  const growth: Growth[] = []
  if (!contenders.includes('rip')) return growth
  for (const size of GROWTH_LINES) {
    const file = generatedFile(size)
    const { warmMs: ms } = await sample('rip', { files: [file], probe: false, warmMs: 3_000 })
    growth.push({ lines: size, ms })
    rmSync(dirname(file), { recursive: true })
  }
  return growth
}

function perSecond(ms: number): string {
  return Math.round((lines / ms) * 1000).toLocaleString('en')
}

/** How many times as fast as another compiler ours is, by round. */
function ratio(other: Contender, figure: 'coldMs' | 'warmMs'): string {
  const ours = rounds['rip'] ?? []
  const theirs = rounds[other] ?? []
  return median(ours.map((one, round) => (theirs[round]?.[figure] ?? Number.NaN) / one[figure])).toFixed(2)
}

function print(): void {
  for (const contender of contenders) {
    const samples = rounds[contender] ?? []
    const [importMs, coldMs, warm] = (['importMs', 'coldMs', 'warmMs'] as const).map((figure) =>
      median(samples.map((one) => one[figure])),
    ) as [number, number, number]
    const speed = `${perSecond(coldMs)} lines/s cold, ${perSecond(warm)} warm, import ${importMs.toFixed(1)} ms`
    const against =
      contender === 'rip' || rounds['rip'] === undefined
        ? ''
        : `  (rip: ${ratio(contender, 'coldMs')} x cold, ${ratio(contender, 'warmMs')} x warm)`
    console.log(`${contender.padEnd(13)} ${speed}${against}`)
  }
  if (report.growth.length > 0) console.log('\none generated file, warm:')
  for (const { lines: size, ms } of report.growth) {
    console.log(
      `${String(size).padStart(7)} lines  ${ms.toFixed(1)} ms  ${((ms * 1000) / size).toFixed(2)} us/line`,
    )
  }
}
