/**
 * Faults under open-loop load, the same for every server: rolling restarts, a broken release, workers and managers
 * killed. Counts failed requests by kind; every failure counts. Prints a table; writes JSON.
 *
 *   bun bench/chaos/main.ts [--server NAME]… [--scenario NAME]… [--rate 150] [--workers 4] [--reloads 6]
 *                           [--seconds 8] [--worker-protocol http1|h2c|auto] [--json FILE]
 *
 * Servers: rip-server, rip-activated (the same with its listening socket held by another process, as by systemd),
 * nginx-unicorn, puma (Debian packages), pm2 (npm). Servers that are not installed are skipped.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { writeReport } from '../src/write-report.ts'
import type { DriverFactory } from './driver.ts'
import { pm2 } from './drivers/pm2.ts'
import { nginxUnicorn, puma } from './drivers/rack.ts'
import { activatedRipServer, ripServer } from './drivers/rip-server.ts'
import { SCENARIOS, type ScenarioResult } from './scenario.ts'

interface Candidate {
  readonly name: string
  readonly needs: readonly string[]
  readonly create: DriverFactory
}

const CANDIDATES: readonly Candidate[] = [
  { name: 'rip-server', needs: [], create: ripServer },
  { name: 'rip-activated', needs: [], create: activatedRipServer },
  { name: 'nginx-unicorn', needs: ['nginx', 'unicorn'], create: nginxUnicorn },
  { name: 'puma', needs: ['puma', 'pumactl'], create: puma },
  { name: 'pm2', needs: ['pm2'], create: pm2 },
]

const { values } = parseArgs({
  options: {
    server: { type: 'string', multiple: true },
    scenario: { type: 'string', multiple: true },
    rate: { type: 'string', default: '150' },
    workers: { type: 'string', default: '4' },
    reloads: { type: 'string', default: '6' },
    seconds: { type: 'string', default: '8' },
    port: { type: 'string', default: '18100' },
    'worker-protocol': { type: 'string' },
    json: { type: 'string' },
  },
})

const wanted = (name: string, names: readonly string[] | undefined): boolean => names?.includes(name) ?? true
const candidates = CANDIDATES.filter(
  ({ name, needs }) => wanted(name, values.server) && needs.every((program) => Bun.which(program) !== null),
)
const scenarios = SCENARIOS.filter(({ name }) => wanted(name, values.scenario))
const root = mkdtempSync(join(tmpdir(), 'rip-chaos-'))
const report: Record<string, Record<string, ScenarioResult>> = {}

for (const scenario of scenarios) {
  console.log(`\n${scenario.name}`)
  for (const candidate of candidates) {
    const folder = join(root, `${candidate.name}-${scenario.name}`)
    mkdirSync(folder, { recursive: true })
    await using driver = candidate.create({
      port: Number(values.port),
      workers: Number(values.workers),
      folder,
      workerProtocol: values['worker-protocol'],
    })
    await driver.start()
    const result = await scenario.run(driver, {
      ratePerSecond: Number(values.rate),
      keptConnections: 16,
      reloads: Number(values.reloads),
      seconds: Number(values.seconds),
    })
    print(candidate.name, result)
    report[scenario.name] = { ...report[scenario.name], [candidate.name]: result }
  }
}
rmSync(root, { recursive: true, force: true })

writeReport(values.json, values, { report })

function print(name: string, { load, facts }: ScenarioResult): void {
  const kinds = Object.entries({ ...load.failures, ...load.lost }).map(([kind, count]) => `${kind} ${count}`)
  const figures = Object.entries(facts).map(([fact, value]) => `${fact} ${value}`)
  console.log(
    [
      name.padEnd(15),
      `${load.failed} failed of ${load.sent}`.padEnd(24),
      (kinds.join(', ') || '–').padEnd(40),
      `p99 ${load.p99Ms.toFixed(0)} ms`.padEnd(13),
      figures.join(' · '),
    ].join(' '),
  )
}
