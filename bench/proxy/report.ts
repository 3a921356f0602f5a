import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { cpus, release } from 'node:os'
import { median } from '@rip/testing'
import { SHAPES } from './shape.ts'

/** Medians over the rounds of one shape on one proxy. */
export interface Sample {
  readonly requestsPerSecond: number
  readonly cpuMicrosPerRequest: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly rssBytes: number
  /** Growth of the resident memory per silent connection; absent without such connections. */
  readonly bytesPerIdleConnection?: number
  readonly failed: number
}

/** Samples by proxy; ratios refer to the first. */
export type ShapeResults = Readonly<Record<string, Sample>>

export interface Report {
  readonly machine: Readonly<Record<string, string | number | undefined>>
  readonly options: Readonly<Record<string, number>>
  readonly shapes: Readonly<Record<string, ShapeResults>>
}

export function readReport(path: string): Report {
  return JSON.parse(readFileSync(path, 'utf8')) as Report
}

/** Writes results to the file, keeping those of other shapes, so that a long run can be done in parts. */
export function addToReport(
  path: string,
  options: Report['options'],
  shapes: Readonly<Record<string, ShapeResults>>,
): void {
  const before = existsSync(path) ? readReport(path).shapes : {}
  const machine = { kernel: release(), cpus: cpus().length, model: cpus()[0]?.model, bun: Bun.version }
  const report: Report = { machine, options, shapes: { ...before, ...shapes } }
  writeFileSync(path, JSON.stringify(report, null, 2))
}

/** Medians of each figure. Failures are added up; silent connections take new memory in the first round only. */
export function summary(samples: readonly Sample[]): Sample {
  const of = (key: keyof Sample): number => median(samples.map((each) => each[key] ?? Number.NaN))
  const perIdle = samples[0]?.bytesPerIdleConnection
  return {
    requestsPerSecond: of('requestsPerSecond'),
    cpuMicrosPerRequest: of('cpuMicrosPerRequest'),
    p50Ms: of('p50Ms'),
    p99Ms: of('p99Ms'),
    rssBytes: of('rssBytes'),
    ...(perIdle !== undefined && { bytesPerIdleConnection: perIdle }),
    failed: samples.reduce((sum, each) => sum + each.failed, 0),
  }
}

const ratio = (value: number, of: number): string => `${(value / of).toFixed(2)}×`

/** The figures of one shape, for a terminal. */
export function shapeText(name: string, results: ShapeResults): string {
  const base = Object.values(results)[0]
  if (base === undefined) return ''
  const lines = Object.entries(results).map(([proxy, each]) =>
    [
      proxy.padEnd(15),
      `${Math.round(each.requestsPerSecond)} rps`.padStart(12),
      ratio(each.requestsPerSecond, base.requestsPerSecond).padStart(7),
      `${each.cpuMicrosPerRequest.toFixed(1)} µs`.padStart(11),
      ratio(each.cpuMicrosPerRequest, base.cpuMicrosPerRequest).padStart(7),
      `p50 ${each.p50Ms.toFixed(2)} ms  p99 ${each.p99Ms.toFixed(2)} ms`.padStart(30),
      `${Math.round(each.rssBytes / 2 ** 20)} MiB`.padStart(9),
      each.bytesPerIdleConnection === undefined ? '' : `  ${Math.round(each.bytesPerIdleConnection)} B/idle`,
      each.failed === 0 ? '' : `  ${each.failed} FAILED`,
    ].join(' '),
  )
  return [`\n${name}`, ...lines].join('\n')
}

/** All shapes as a Markdown table of ratios to the first proxy: requests per second / CPU per request. */
export function ratioTable(report: Report): string {
  const rows = SHAPES.flatMap(({ name }) => {
    const results = report.shapes[name]
    return results === undefined ? [] : [[name, results] as const]
  })
  const proxies = [...new Set(rows.flatMap(([, results]) => Object.keys(results)))].slice(1)
  const cells = (results: ShapeResults): string[] => {
    const base = Object.values(results)[0]
    return proxies.map((name) => {
      const each = results[name]
      if (each === undefined || base === undefined) return '–'
      return `${ratio(each.requestsPerSecond, base.requestsPerSecond)} / ${ratio(each.cpuMicrosPerRequest, base.cpuMicrosPerRequest)}`
    })
  }
  const line = (columns: readonly string[]): string => `| ${columns.join(' | ')} |`
  return [
    line(['shape', ...proxies]),
    line(['---', ...proxies.map(() => '---')]),
    ...rows.map(([name, results]) => line([name, ...cells(results)])),
  ].join('\n')
}
