/** Compares docs/metrics-logs-events.md, and what docs/alerts.yml asks for, with the programs. */
import { describe, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ManagerMetrics } from '@rip/manager'
import { writeJsonLine } from '../../../rip-balancer/src/log/json-line.ts'
import { LineWriter } from '../../../rip-balancer/src/log/line-writer.ts'
import { Metrics } from '../../../rip-balancer/src/metrics/metrics.ts'
import type { ExchangeRecord } from '../../../rip-balancer/src/exchange/record.ts'
import type { PoolStatus } from '../../../rip-balancer/src/pool/pool-status.ts'
import { RecentAnswers } from '../../../rip-balancer/src/answers/recent-answers.ts'
import { EventLog } from '../../../rip-manager/src/manager/event-log.ts'
import type { ManagerStatus } from '../../../rip-manager/src/contract/status.ts'
import { BalancerSet } from '../../../rip-server/src/front/balancer-set.ts'
import { LoopLag } from '../../../rip-server/src/ops/loop-lag.ts'
import { logLine, type LogRecord } from '../../../rip-server/src/output/log-record.ts'
import { type ReadyFacts, readyJson } from '../../src/terminal/ready-block.ts'
import { expectGenerated } from './generated.ts'
import { DOCS, ROOT } from './page.ts'

const PAGE = 'metrics-logs-events.md'
const HEAD = ['name', 'type', 'labels', 'what it says']

const page = readFileSync(join(DOCS, PAGE), 'utf8')
const source = (path: string): string => readFileSync(join(ROOT, 'packages', path), 'utf8')
const code = (text: string): string => `\`${text}\``

const record = {
  startedAt: 0,
  method: 'GET',
  target: '/',
  host: 'a',
  protocol: 'HTTP/1.1',
  scheme: 'http',
  clientAddress: 'a',
  requestId: '1',
  userAgent: '',
  referer: '',
  status: 200,
  cause: 'completed',
  methodNumber: 1,
  kind: 0,
  lot: 0,
  retries: 0,
  bytesSent: 1,
  bytesReceived: 0,
  queueMs: 1,
  responseMs: 1,
  totalMs: 2,
  backend: 'w1.1',
  reason: 'REASON',
} as unknown as ExchangeRecord

/** Metrics of a balancer that has all there may be. */
async function balancerText(): Promise<string> {
  const metrics = new Metrics()
  metrics.ended(record)
  const answers = new RecentAnswers().read()
  const backend = { id: 'w1.1', state: 'serving', answers } as PoolStatus['backends'][number]
  const pools = [{ name: 'app', backends: [backend] } as unknown as PoolStatus]
  const certificates = [{ file: 'a.pem', names: [], validFromMs: 0, expiresAtMs: 0, problem: null }]
  const none = (): void => {}
  const set = await new BalancerSet({ note: none, warn: none }).metrics()
  return metrics.render({ pools: () => pools, certificates: () => certificates }) + set
}

/** Of a worker or a background process: what is not known has no sample. */
const FIGURES = {
  rssBytes: 0,
  freeDescriptors: 0,
  loopLagMs: 0,
  published: 0,
  delivered: 0,
  dropped: 0,
  restarts: 0,
}

/** The same of a manager, without what its workers say. */
function managerTexts(): { readonly manager: string; readonly workers: string } {
  const log = new EventLog(() => 0)
  using metrics = new ManagerMetrics({ on: (type, listener) => log.on(type, listener) })
  log.emit({ type: 'service-ready', service: 'balancer', pid: 1 })
  log.emit({ type: 'generation-cut', generation: 'g2', previous: 'g1', tookMs: 1 })
  const status = {
    health: 'ok',
    healthReasons: [],
    generation: 'g2',
    previousGeneration: 'g1',
    lastRefusal: null,
    workers: [{ slot: 1, incarnation: 1, generation: 'g2', state: 'ready', ...FIGURES }],
    background: [{ name: 'jobs', state: 'working', ...FIGURES }],
  } as unknown as ManagerStatus
  using lag = new LoopLag(() => 0)
  const text = metrics.render(status)
  const at = text.indexOf('# HELP rip_worker_memory_bytes')
  return { manager: text.slice(0, at) + lag.render(), workers: text.slice(at) }
}

/** The rows of a table of metrics. */
function rowsOf(text: string): string[][] {
  const lines = text.split('\n')
  return lines.flatMap((line) => {
    const [, name, help = ''] = /^# HELP (\S+) (.*)$/.exec(line) ?? []
    if (name === undefined) return []
    const type = lines.find((each) => each.startsWith(`# TYPE ${name} `))?.split(' ')[3] ?? ''
    const labels = lines
      .filter((each) => each.startsWith(`${name}{`) || each.startsWith(`${name}_bucket{`))
      .flatMap((each) => [...each.matchAll(/(\w+)="/g)].map(([, label = '']) => label))
    return [[code(name), type, labels.length === 0 ? '' : code([...new Set(labels)].join(', ')), help]]
  })
}

/** Labels whose values are known beforehand. */
const CLOSED = ['protocol', 'cause', 'event', 'health', 'outcome', 'reason', 'state', 'status']

function valuesOf(text: string): string[][] {
  const values = new Map<string, Set<string>>()
  for (const [, name = '', label = '', value = ''] of text.matchAll(/^(\w+)\{(\w+)="([^"]*)"/gm)) {
    if (!CLOSED.includes(label)) continue
    const key = `${code(name)} ${code(label)}`
    values.set(key, (values.get(key) ?? new Set()).add(value))
  }
  return [...values].map(([key, all]) => [...key.split(' '), [...all].map(code).join(', ')])
}

describe('the page on metrics, logs and events', () => {
  test('has every metric with its type, its labels and its help', async () => {
    const { manager, workers } = managerTexts()
    expectGenerated(PAGE, 'balancer metrics', HEAD, rowsOf(await balancerText()))
    expectGenerated(PAGE, 'manager metrics', HEAD, rowsOf(manager))
    expectGenerated(PAGE, 'worker metrics', HEAD, rowsOf(workers))
  })

  test('has the values of labels that are known beforehand', async () => {
    const all = (await balancerText()) + managerTexts().manager
    expectGenerated(PAGE, 'label values', ['metric', 'label', 'values'], valuesOf(all))
  })

  test('has every field of the access log', () => {
    const out = new LineWriter()
    writeJsonLine(record, out)
    const fields = Object.keys(JSON.parse(Buffer.concat(out.take()).toString()) as object)
    expect(firstCells('The access log')).toEqual(fields.map(code))
  })

  test('has every field of a line of a worker, and of the line that says that it serves', () => {
    const line: LogRecord = {
      name: 'w1',
      worker: { slot: 1, generation: 'g1' } as NonNullable<LogRecord['worker']>,
      stream: 'stdout',
      text: 'hello',
      continues: true,
      atMs: 0,
    }
    const ready = readyJson(
      {
        url: 'http://localhost',
        network: [{ url: 'http://10.0.0.1' }],
        ops: { url: 'http://127.0.0.1:9090', exposed: false },
        entry: '/app',
        command: 'npm start',
        hints: ['a hint'],
        mode: 'production',
        version: '1',
        control: '/c',
        concurrency: 1,
        tookMs: 1,
        snapshot: { background: [{ name: 'jobs' }], generation: 'g', readyWorkers: 1 },
      } as unknown as ReadyFacts,
      0,
    )
    const fields = [logLine(line, 'json', false), ready].flatMap((text) =>
      Object.keys(JSON.parse(text) as object),
    )
    expect(firstCells('Lines of workers')).toEqual(fields.map(code))
  })

  test('has every event with its fields', () => {
    const rows = tableBelow('## Events').map(([type = '', fields = '']) => [type, fields])
    expect(rows).toEqual(events())
  })

  test('has every reason why a process ended, and why code was refused', () => {
    const reasons = source('rip-manager/src/contract/exit-reason.ts').split('export type ExitReason =')[1]!
    const rows = reasons.split('\n  | ').flatMap((part) => {
      const [, kind] = /readonly kind: '([\w-]+)'/.exec(part) ?? []
      const fields = membersIn(part).filter((name) => name !== 'kind')
      return kind === undefined ? [] : [[code(kind), fields.length === 0 ? '' : code(fields.join(', '))]]
    })
    expectGenerated(PAGE, 'exit reasons', ['kind', 'has'], rows)
    const [, union = ''] =
      /type RefusalCode =\n([^]*?)\n\n/.exec(source('rip-manager/src/contract/refusal.ts')) ?? []
    const codes = [...union.matchAll(/(?:\/\*\* (.*) \*\/\n\s+)?\| '([\w-]+)'/g)]
    const refusals = codes.map(([, why = '', name = '']) => [code(name), why])
    expectGenerated(PAGE, 'refusals', ['code', 'what that is'], refusals)
  })
})

test('alert rules ask for metrics and values of labels that exist', async () => {
  const { manager, workers } = managerTexts()
  const text = (await balancerText()) + manager + workers
  const rules = readFileSync(join(DOCS, 'alerts.yml'), 'utf8')
  const asked = new Set([...rules.matchAll(/\b(?:rip|http)_\w+(?=[{[ )])/g)].map(([name]) => name))
  const labels = new Set([...text.matchAll(/(\w+)="/g)].map(([, label = '']) => label))
  const known = [...text.matchAll(/^(\w+)[{ ]/gm)].map(([, name = '']) => name)
  expect([...asked].filter((name) => !known.includes(name) && !labels.has(name))).toEqual([])
  expect(asked.size).toBeGreaterThan(10)
  const values = [...rules.matchAll(/\b(?:reason|cause|outcome|health|state)=~?"([^"]+)"/g)].flatMap(
    ([, each = '']) => each.split('|'),
  )
  expect(values.filter((value) => !text.includes(`="${value}"`))).toEqual([])
})

/** The events of the union, with their fields as the page has them. */
function events(): string[][] {
  const text = source('rip-manager/src/contract/events.ts')
  const [, union = ''] = text.split('export type ManagerEventBody =')
  const inherited: Readonly<Record<string, readonly string[]>> = {
    RolloutFacts: membersIn(/interface RolloutFacts \{([^]*?)\n\}/.exec(text)?.[1] ?? ''),
    ConfigurationChange: membersIn(
      /interface ConfigurationChange \{([^]*?)\n\}/.exec(source('rip-manager/src/contract/status.ts'))?.[1] ??
        '',
    ),
  }
  return union.split('\n  | ').flatMap((part) => {
    const [, type] = /readonly type: '([\w-]+)'/.exec(part) ?? []
    if (type === undefined) return []
    const [, more = ''] = /& (\w+)\)/.exec(part) ?? []
    const fields = [...membersIn(part).filter((name) => name !== 'type'), ...(inherited[more] ?? [])]
    return [[code(type), fields.length === 0 ? '' : code(fields.join(', '))]]
  })
}

/** Members of a type as they are written, `name?` for those that may be absent. */
function membersIn(text: string): string[] {
  return [...text.matchAll(/readonly (\w+\??):/g)].map(([, name = '']) => name)
}

/** The cells of the tables below a heading, without their heads. */
function tableBelow(heading: string): string[][] {
  const section = page.slice(page.indexOf(`\n${heading}\n`) + heading.length + 2).split(/\n##/)[0]!
  return section
    .split('\n')
    .filter(
      (line, at, lines) =>
        line.startsWith('|') && !line.startsWith('| -') && lines[at + 1]?.startsWith('| -') !== true,
    )
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    )
}

const firstCells = (heading: string): string[] => tableBelow(`### ${heading}`).map(([cell = '']) => cell)
