import { systemClock } from '../system/clock.ts'
import * as defaults from '../contract/defaults.ts'
import { ManagerError } from '../contract/errors.ts'
import { readFootprint } from '../system/footprint.ts'
import { readMemory } from '../system/memory.ts'
import type { MachineConfig } from '../machine/machine-config.ts'
import type {
  BackgroundProgram,
  LiveOptions,
  ManagerOptions,
  ObserveOptions,
  RecycleOptions,
  WorkerCommand,
} from '../contract/options.ts'
import type {
  BackgroundLedger,
  Builder,
  Bus,
  Clock,
  Memory,
  ReadFootprint,
  Observer,
  Probe,
  Random,
  Service,
  Spawner,
  Tree,
  Verifier,
  Watcher,
  WorkerLinks,
} from '../contract/ports.ts'
import type { Account } from '../contract/account.ts'
import { probe } from '../verify/probe.ts'
import type { Router } from '../contract/router.ts'
import type { VerdictStore } from '../contract/verdict.ts'
import type { WorkerMode } from '@rip/worker/protocol'

/** Options with every default applied. */
export interface ResolvedOptions {
  readonly root: string
  readonly name: string
  readonly command: WorkerCommand
  readonly workers: number
  readonly background: readonly BackgroundProgram[]
  readonly backgroundLedger: BackgroundLedger | undefined
  readonly standsBy: boolean
  readonly mode: WorkerMode
  readonly account: Account | undefined
  readonly env: () => Readonly<Record<string, string>>
  readonly verifyTimes: number
  machine: MachineConfig
  readonly clock: Clock
  readonly random: Random
  readonly spawner: Spawner
  readonly watcher: Watcher | undefined
  readonly tree: Tree
  readonly builder: Builder | undefined
  readonly links: WorkerLinks
  readonly bus: Bus | undefined
  readonly router: Router
  readonly verifier: Verifier | undefined
  readonly observer: Observer | undefined
  readonly socketPath: (slot: number, incarnation: number) => string
  readonly hasSocket: (path: string) => boolean
  readonly socketLeft: (path: string) => void
  readonly verdicts: VerdictStore | undefined
  readonly memory: Memory
  readonly footprint: ReadFootprint
  readonly probe: Probe
  readonly services: readonly Service[]
  readonly stopAccepting: () => Promise<void>
}

/** The same options with others in their place. @throws ManagerError `OPTION_INVALID` */
export function changedMachine(options: ManagerOptions, live: LiveOptions): MachineConfig {
  const { observeWindowMs: windowMs, ...others } = live
  const { observe } = options
  const changed = { ...options, ...others }
  if (observe === undefined || windowMs === undefined) return resolveMachine(changed)
  return resolveMachine({ ...changed, observe: { ...observe, windowMs } })
}

/** @throws ManagerError `OPTION_INVALID` */
export function resolveOptions(options: ManagerOptions): ResolvedOptions {
  const workers = options.workers ?? defaults.DEFAULT_WORKERS
  const { background = [] } = options
  if (workers !== 0 || background.length === 0) mustBeWorkers(workers)
  mustHaveNames(background)
  return {
    root: options.root,
    name: options.name,
    command: options.command,
    workers,
    background,
    backgroundLedger: options.backgroundLedger,
    standsBy: options.standsBy ?? false,
    mode: options.mode ?? 'production',
    account: options.account,
    env: options.env ?? processEnv,
    verifyTimes: options.verifyTimes ?? defaults.DEFAULT_VERIFY_TIMES,
    machine: resolveMachine(options),
    clock: options.clock ?? systemClock,
    random: options.random ?? Math.random,
    spawner: options.spawner,
    watcher: options.watcher,
    tree: options.tree,
    builder: options.builder,
    links: options.links,
    bus: options.bus,
    router: options.router,
    verifier: options.verifier,
    observer: options.observe?.observer,
    socketPath: options.socketPath,
    hasSocket: options.hasSocket ?? (() => true),
    socketLeft: options.socketLeft ?? (() => {}),
    verdicts: options.verdicts,
    memory: options.memory ?? (() => readMemory()),
    footprint: options.footprint ?? (options.memory === undefined ? readFootprint : () => undefined),
    probe: options.probe ?? probe,
    services: options.services ?? [],
    stopAccepting: options.stopAccepting ?? (() => Promise.resolve()),
  }
}

function resolveMachine(options: ManagerOptions): MachineConfig {
  const concurrency = options.concurrency ?? defaults.DEFAULT_CONCURRENCY
  if (!Number.isInteger(concurrency) || concurrency < 1) {
    throw new ManagerError('OPTION_INVALID', {
      option: 'concurrency',
      value: concurrency,
      expected: 'a whole number of at least 1',
    })
  }
  const crash = options.crash ?? {}
  const drainTimeoutMs = duration(
    'drainTimeoutMs',
    options.drainTimeoutMs ?? defaults.DEFAULT_DRAIN_TIMEOUT_MS,
  )
  const isDevelopment = options.mode === 'development'
  return {
    concurrency,
    speaksProtocol: options.command.speaksProtocol ?? true,
    bootTimeoutMs: duration('bootTimeoutMs', options.bootTimeoutMs ?? defaults.DEFAULT_BOOT_TIMEOUT_MS),
    drainTimeoutMs,
    stopTimeoutMs: isDevelopment ? Math.min(drainTimeoutMs, defaults.DEV_STOP_TIMEOUT_MS) : drainTimeoutMs,
    stopDelayMs: duration('stopDelayMs', options.stopDelayMs ?? defaults.DEFAULT_STOP_DELAY_MS),
    settleMs: duration('settleMs', options.settleMs ?? defaults.DEFAULT_SETTLE_MS),
    killGraceMs: duration('killGraceMs', options.killGraceMs ?? defaults.DEFAULT_KILL_GRACE_MS),
    beaconMs: duration('beaconMs', options.beaconMs ?? defaults.DEFAULT_BEACON_MS),
    stuckAfterMs: duration('stuckAfterMs', options.stuckAfterMs ?? defaults.DEFAULT_STUCK_AFTER_MS),
    crash: {
      restarts: crash.restarts ?? defaults.DEFAULT_CRASH_RESTARTS,
      perMs: crash.perMs ?? defaults.DEFAULT_CRASH_PER_MS,
      backoffBaseMs: crash.backoffBaseMs ?? defaults.DEFAULT_BACKOFF_BASE_MS,
      backoffCapMs: crash.backoffCapMs ?? defaults.DEFAULT_BACKOFF_CAP_MS,
      stableMs: crash.stableMs ?? defaults.DEFAULT_STABLE_MS,
    },
    recycle: resolveRecycle(options.recycle ?? {}),
    cutAfter: options.cutAfter ?? 'all',
    maxRetiring: options.maxRetiring ?? Infinity,
    verifies: options.verifier !== undefined,
    builds: options.builder !== undefined,
    observe: options.observe && resolveObserve(options.observe),
  }
}

function resolveRecycle(recycle: RecycleOptions): MachineConfig['recycle'] {
  return {
    requests: recycle.requests ?? 0,
    memoryBytes: recycle.memoryBytes ?? 0,
    lifetimeMs: recycle.lifetimeMs ?? 0,
    jitter: recycle.jitter ?? defaults.DEFAULT_RECYCLE_JITTER,
    budgetShare: share('recycle.budgetShare', recycle.budgetShare ?? 0),
    memorySamples: recycle.memorySamples ?? defaults.DEFAULT_MEMORY_SAMPLES,
  }
}

function resolveObserve(observe: ObserveOptions): MachineConfig['observe'] {
  if (observe.windowMs === 0) return undefined
  return {
    windowMs: observe.windowMs,
    compares: observe.observer.compare !== undefined,
    minRequests: observe.minRequests ?? defaults.DEFAULT_OBSERVE_MIN_REQUESTS,
    minErrors: observe.minErrors ?? defaults.DEFAULT_OBSERVE_MIN_ERRORS,
    maxErrorRate: observe.maxErrorRate ?? defaults.DEFAULT_OBSERVE_MAX_ERROR_RATE,
    everyMs: observe.everyMs ?? defaults.DEFAULT_OBSERVE_EVERY_MS,
  }
}

/** @throws ManagerError `OPTION_INVALID` */
export function mustBeWorkers(workers: number): void {
  if (Number.isInteger(workers) && workers >= 1) return
  throw new ManagerError('OPTION_INVALID', {
    option: 'workers',
    value: workers,
    expected: 'a whole number of at least 1',
  })
}

/** Names of files and lines of logs begin with them. */
function mustHaveNames(background: readonly BackgroundProgram[]): void {
  const names = background.map(({ name }) => name)
  const wrong = names.find((name, index) => !/^[\w.-]{1,40}$/.test(name) || names.indexOf(name) !== index)
  if (wrong === undefined) return
  throw new ManagerError('OPTION_INVALID', {
    option: 'background',
    value: wrong,
    expected: 'names of at most 40 letters, digits, dots, dashes or underscores, each once',
  })
}

function share(option: string, value: number): number {
  if (value >= 0 && value <= 1) return value
  throw new ManagerError('OPTION_INVALID', { option, value, expected: 'a number from 0 to 1' })
}

function duration(option: string, valueMs: number): number {
  if (Number.isFinite(valueMs) && valueMs >= 0) return valueMs
  throw new ManagerError('OPTION_INVALID', {
    option,
    value: valueMs,
    expected: 'a number of milliseconds, 0 or more',
  })
}

function processEnv(): Readonly<Record<string, string>> {
  const entries = Object.entries(process.env).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  )
  return Object.fromEntries(entries)
}
