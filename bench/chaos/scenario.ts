import { isAlive, Load, type LoadReport, median, quantile, timeUntil } from '@rip/testing'
import type { Driver } from './driver.ts'
import { versionServed } from './drivers/shared.ts'

export interface ScenarioOptions {
  readonly ratePerSecond: number
  readonly keptConnections: number
  /** Number of reloads in the rolling restart. */
  readonly reloads: number
  /** Length of the fault in the other scenarios. */
  readonly seconds: number
}

export interface ScenarioResult {
  readonly load: LoadReport
  /** Figures of this scenario, in the order to print. */
  readonly facts: Readonly<Record<string, number | string>>
}

export interface Scenario {
  readonly name: string
  run(driver: Driver, options: ScenarioOptions): Promise<ScenarioResult>
}

const TIMEOUT_MS = 10_000

function startLoad(driver: Driver, options: ScenarioOptions): Load {
  const { ratePerSecond, keptConnections } = options
  const load = new Load({ port: driver.port, ratePerSecond, keptConnections, timeoutMs: TIMEOUT_MS })
  load.start()
  return load
}

const rounded = (ms: number): number | string => (Number.isFinite(ms) ? Math.round(ms) : 'never')

/** New releases one after the other; each has to answer before the next. */
const rollingRestart: Scenario = {
  name: 'rolling-restart',
  async run(driver, options) {
    const load = startLoad(driver, options)
    const tookMs: number[] = []
    const exitCodes = new Set<number>()
    for (let n = 1; n <= options.reloads; n++) {
      const version = `r${n}`
      await driver.deploy({ version })
      const startedAt = performance.now()
      exitCodes.add(await driver.reload())
      const servedMs = await timeUntil(async () => (await versionServed(driver.port)) === version, 20_000)
      tookMs.push(Number.isFinite(servedMs) ? performance.now() - startedAt : servedMs)
      await Bun.sleep(300)
    }
    const facts = {
      reloads: options.reloads,
      'exit codes': [...exitCodes].join(','),
      'median ms': rounded(median(tookMs)),
      'max ms': rounded(Math.max(...tookMs)),
    }
    return { load: await load.stop(), facts }
  },
}

/** A release that does not compile, then a good one again. */
const brokenRelease: Scenario = {
  name: 'broken-release',
  async run(driver, options) {
    const load = startLoad(driver, options)
    await Bun.sleep(1000)
    await driver.deploy('broken')
    const exitCode = await driver.reload()
    await Bun.sleep(options.seconds * 1000)
    const failedWhileBroken = load.failed
    await driver.deploy({ version: 'fixed' })
    await driver.reload()
    const fixedMs = await timeUntil(async () => (await versionServed(driver.port)) === 'fixed', 20_000)
    const facts = {
      'exit code': exitCode,
      'failed while broken': failedWhileBroken,
      'fixed after ms': rounded(fixedMs),
    }
    return { load: await load.stop(), facts }
  },
}

/** A worker is killed with SIGKILL every second. */
const killWorkers: Scenario = {
  name: 'kill-workers',
  async run(driver, options) {
    const wanted = driver.workerPids().length
    const load = startLoad(driver, options)
    const backMs: number[] = []
    for (let n = 0; n < options.seconds; n++) {
      await Bun.sleep(1000)
      const pids = driver.workerPids()
      const victim = pids[Math.floor(Math.random() * pids.length)]
      if (victim === undefined) throw new Error(`${driver.name} has no workers to kill`)
      process.kill(victim, 'SIGKILL')
      const restored = (): boolean => {
        const now = driver.workerPids()
        return !now.includes(victim) && now.length >= wanted
      }
      backMs.push(await timeUntil(restored, 10_000))
    }
    const facts = {
      kills: backMs.length,
      'process back p50 ms': rounded(median(backMs)),
      'p95 ms': rounded(quantile(backMs, 0.95)),
    }
    return { load: await load.stop(), facts }
  },
}

/** The manager is killed with SIGKILL and started again a second later. */
const killManager: Scenario = {
  name: 'kill-manager',
  async run(driver, options) {
    const load = startLoad(driver, options)
    await Bun.sleep(2000)
    const orphans = driver.workerPids()
    process.kill(driver.managerPid(), 'SIGKILL')
    await Bun.sleep(1000)
    const startedAt = performance.now()
    await driver.restartManager()
    const upMs = performance.now() - startedAt
    await Bun.sleep(options.seconds * 1000)
    const left = orphans.filter((pid) => isAlive(pid)).length
    return { load: await load.stop(), facts: { 'start again ms': rounded(upMs), 'orphans left': left } }
  },
}

export const SCENARIOS: readonly Scenario[] = [rollingRestart, brokenRelease, killWorkers, killManager]
