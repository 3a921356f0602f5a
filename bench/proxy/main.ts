/**
 * Proxies in front of the same workers, interleaved: every round puts each shape on each proxy in turn, so that a
 * change of the machine's speed affects all of them. Prints medians and ratios to nginx; writes JSON.
 *
 *   bun bench/proxy/main.ts [--rounds 3] [--seconds 3] [--warmup 3] [--shape NAME]… [--proxy NAME]… [--beside CHECKOUT]…
 * [--worker-protocol http1|h2c|auto]… [--starts 1] [--json FILE]
 *   bun bench/proxy/main.ts --table FILE    the ratios of a JSON file as a Markdown table
 *
 * --worker-protocol measures rip-balancer once more for each, as it speaks that protocol to the workers.
 * --beside measures the rip-balancer of another checkout, with its dependencies installed, in the same rounds, with the same protocols.
 * --starts repeats all of it with new processes: one start of a program differs from the next by more than its rounds do.
 * --json adds to the file if it exists, so that a long run can be done shape by shape.
 */
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { balancerBeside, balancerWith, type Contender, CONTENDERS } from './contender.ts'
import { Fleet, type Running } from './fleet.ts'
import { openIdle } from './idle.ts'
import { cpuMicros, processTree, residentBytes } from './process-usage.ts'
import { addToReport, ratioTable, readReport, shapeText, summary } from './report.ts'
import type { Sample, ShapeResults } from './report.ts'
import { SHAPES, type Shape } from './shape.ts'
import { load } from './load.ts'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '3' },
    warmup: { type: 'string', default: '3' },
    shape: { type: 'string', multiple: true },
    proxy: { type: 'string', multiple: true },
    json: { type: 'string' },
    table: { type: 'string' },
    beside: { type: 'string', multiple: true, default: [] },
    starts: { type: 'string', default: '1' },
    'worker-protocol': { type: 'string', multiple: true, default: [] },
  },
})
const options = {
  rounds: Number(values.rounds),
  seconds: Number(values.seconds),
  warmup: Number(values.warmup),
  starts: Number(values.starts),
}

const chosen = <T extends { readonly name: string }>(
  all: readonly T[],
  names: readonly string[] | undefined,
): T[] => all.filter((each) => names === undefined || names.includes(each.name))

const speaksHttp2 = (shape: Shape): boolean => shape.http2Streams !== undefined

const isUpload = (shape: Shape): boolean => shape.postBytes !== undefined

/** Shapes with the same name here share workers and proxies. */
const setOf = (shape: Shape): string =>
  `${shape.backends ?? 2}${shape.log === true ? ' log' : ''}${isUpload(shape) && !speaksHttp2(shape) ? ' uploads' : ''}${speaksHttp2(shape) ? ' h2' : ''}`

const addressOf = (running: Running, shape: Shape): string =>
  shape.tls === true ? running.tlsBase : running.base

async function sample(running: Running, shape: Shape, folder: string): Promise<Sample> {
  const pids = processTree(running.pid)
  const rssBefore = residentBytes(pids)
  using _idle = await openIdle(running.base, shape.idle ?? 0)
  const perIdle = shape.idle !== undefined && (residentBytes(pids) - rssBefore) / shape.idle
  const before = cpuMicros(pids)
  const { requests, ...result } = await load(addressOf(running, shape), shape, options.seconds, folder)
  return {
    ...result,
    cpuMicrosPerRequest: (cpuMicros(pids) - before) / requests,
    rssBytes: residentBytes(pids),
    ...(perIdle !== false && { bytesPerIdleConnection: perIdle }),
  }
}

/** By the name of the contender. */
type Samples = Map<string, Sample[]>

async function measure(
  shape: Shape,
  fleet: readonly Running[],
  folder: string,
  samples: Samples,
): Promise<void> {
  if (options.warmup > 0)
    for (const running of fleet) await load(addressOf(running, shape), shape, options.warmup, folder)
  for (let round = 0; round < options.rounds; round++)
    for (const running of fleet)
      listIn(samples, running.contender.name).push(await sample(running, shape, folder))
}

function listIn(samples: Samples, name: string): Sample[] {
  const list = samples.get(name) ?? []
  samples.set(name, list)
  return list
}

function resultsOf(samples: Samples): ShapeResults {
  return Object.fromEntries([...samples].map(([name, taken]) => [name, summary(taken)]))
}

function canTakePart(contender: Contender, shape: Shape): boolean {
  if (shape.log === true && !contender.logsToFile) return false
  if (isUpload(shape) && contender.getsOnly === true) return false
  if (speaksHttp2(shape)) return contender.http2 !== 'no' && contender.uploadsOnly !== true
  return contender.http2 !== 'only' && (contender.uploadsOnly !== true || isUpload(shape))
}

async function measureAll(): Promise<void> {
  const shapes = chosen(SHAPES, values.shape)
  const protocols = values['worker-protocol'].map(balancerWith)
  const besideProtocols = protocols.length > 0 ? values['worker-protocol'] : [undefined]
  const beside = values.beside.flatMap((checkout) =>
    besideProtocols.map((protocol) => balancerBeside(resolve(checkout), protocol)),
  )
  const contenders = [...chosen(CONTENDERS, values.proxy), ...protocols, ...beside].filter(
    ({ version }) => Bun.which(version[0] ?? '') !== null,
  )
  await using fleet = new Fleet()
  for (const set of new Set(shapes.map(setOf))) {
    const group = shapes.filter((each) => setOf(each) === set)
    const [first] = group
    if (first === undefined) continue
    const able = contenders.filter((each) => canTakePart(each, first))
    const taken = new Map<Shape, Samples>(group.map((shape) => [shape, new Map()]))
    for (let start = 0; start < options.starts; start++) {
      const running = await fleet.start(able, first.backends ?? 2, first.log === true)
      for (const [shape, samples] of taken) await measure(shape, running, fleet.folder, samples)
      await fleet.stop()
    }
    for (const [shape, samples] of taken) {
      const results = resultsOf(samples)
      console.log(shapeText(shape.name, results))
      if (values.json !== undefined) addToReport(values.json, options, { [shape.name]: results })
    }
  }
}

if (values.table !== undefined) console.log(ratioTable(readReport(values.table)))
else await measureAll()
