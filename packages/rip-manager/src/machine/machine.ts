import { TICK_MS } from '../contract/defaults.ts'
import type { Random } from '../contract/ports.ts'
import { assignActivity } from './activity.ts'
import * as commands from './commands.ts'
import { configure } from './configure.ts'
import { forgiveGap, timeOut } from './deadlines.ts'
import type { Effects } from './effects.ts'
import { forgetIfEmpty } from './group.ts'
import { reportHealth } from './health.ts'
import type { Input } from './inputs.ts'
import { leave } from './leaving.ts'
import { onMessage, onReady } from './messages.ts'
import { keepBudget } from './memory-budget.ts'
import { observe, onCompared, onObserved } from './observation.ts'
import { findLostSockets, onRestored } from './lost-sockets.ts'
import { reap } from './reap.ts'
import { recycle } from './recycle.ts'
import { fill, onBuilt, onVerified } from './rollout.ts'
import { newRouting, onRouted, onServices, route } from './routing.ts'
import { onTreeRead, readWaiting } from './scout.ts'
import { staff } from './staffing.ts'
import type { MachineConfig, Pool } from './state.ts'
import {
  askToStop,
  finishStop,
  onAcceptingStopped,
  onDoorsClosed,
  onRouterLeft,
  stopNow,
  stopWhenDue,
} from './stopping.ts'

export interface MachineOptions {
  readonly config: MachineConfig
  readonly effects: Effects
  readonly random: Random
  readonly workers: number
  readonly watching: boolean
  /** Workers may become active before the input `activate`. @default true */
  readonly activates?: boolean
  readonly nowMs: number
}

/**
 * Decides what to do about what happens. Every input is taken in whole, one after the other; after each the
 * pool is brought one step closer to what is wanted. Nothing here waits, reads a clock or touches a process:
 * what is to be done goes out as effects, and what came of it comes back as further inputs.
 */
export class Machine {
  readonly pool: Pool
  readonly #queue: Input[] = []
  #busy = false

  constructor(options: MachineOptions) {
    this.pool = newPool(options)
  }

  handle(input: Input, nowMs: number): void {
    this.#queue.push(input)
    if (this.#busy) return
    this.#busy = true
    try {
      this.#drain(nowMs)
    } finally {
      this.#busy = false
    }
  }

  #drain(nowMs: number): void {
    const { pool } = this
    forgiveGap(pool, nowMs)
    pool.nowMs = Math.max(pool.nowMs, nowMs)
    for (let input = this.#queue.shift(); input !== undefined; input = this.#queue.shift()) {
      take(pool, input)
      reconcile(pool)
    }
  }

  /** When time alone may make a difference; never later than the next tick. */
  get nextDueMs(): number {
    const { pool } = this
    const times = [...dueTimes(pool)].filter((atMs) => atMs > pool.nowMs)
    return Math.min(pool.nowMs + TICK_MS, ...times)
  }
}

function take(pool: Pool, input: Input): void {
  switch (input.type) {
    case 'start':
      return commands.start(pool, input.command)
    case 'reload':
      return commands.reload(pool, input.command, input.reason)
    case 'restart':
      return commands.restart(pool, input.command)
    case 'rollback':
      return commands.rollback(pool, input.command, input.reason)
    case 'scale':
      return commands.scale(pool, input.command, input.workers)
    case 'configure':
      return configure(pool, input.config)
    case 'hold':
      return commands.hold(pool)
    case 'resume':
      return commands.resume(pool)
    case 'cancel':
      return commands.cancel(pool, input.command)
    case 'wake':
      return commands.wake(pool)
    case 'stop':
      return stop(pool, input)
    case 'tree-read':
      return onTreeRead(pool, input.token, input.result)
    case 'built':
      return onBuilt(pool, input.token, input.result)
    case 'verified':
      return onVerified(pool, input.token, input.reason)
    case 'routed':
      return onRouted(pool, input.token, input.error)
    case 'drained':
      return onDrained(pool, input.generation, input.abandoned)
    case 'doors-closed':
      return onDoorsClosed(pool)
    case 'accepting-stopped':
      return onAcceptingStopped(pool)
    case 'router-left':
      return onRouterLeft(pool, input.abandoned)
    case 'observed':
      return onObserved(pool, input.token, input.counts)
    case 'compared':
      return onCompared(pool, input.token, input.comparison)
    case 'message':
      return onMessage(pool, input.pid, input.message)
    case 'accepting':
      return onAccepting(pool, input.pid)
    case 'exited':
      return reap(pool, input.pid, input.status, input.stderr)
    case 'services':
      return onServices(pool, input.online)
    case 'restored':
      return onRestored(pool, input.token, input.error)
    case 'activate':
      pool.activates = true
      return
    case 'tick':
      return
  }
}

function stop(pool: Pool, { now, delay }: Extract<Input, { readonly type: 'stop' }>): void {
  askToStop(pool, { delay: delay && !now })
  stopWhenDue(pool)
  if (now) stopNow(pool)
}

/** What has ended was reaped when it was heard of; the rest of the tick, in this order. */
function reconcile(pool: Pool): void {
  timeOut(pool)
  stopWhenDue(pool)
  findLostSockets(pool)
  keepBudget(pool)
  recycle(pool)
  staff(pool)
  fill(pool)
  commands.resumeRollback(pool)
  readWaiting(pool)
  route(pool)
  assignActivity(pool)
  leave(pool)
  observe(pool)
  commands.settleScaling(pool)
  reportHealth(pool)
  finishStop(pool)
}

function onAccepting(pool: Pool, pid: number): void {
  const worker = pool.workers.get(pid)
  if (worker !== undefined) onReady(pool, worker)
}

function onDrained(pool: Pool, generation: string, abandoned: number): void {
  for (const group of pool.groups) {
    if (group.role !== 'retiring' || group.generation.id !== generation) continue
    group.routerDone = true
    group.abandoned.byRouter = Math.max(group.abandoned.byRouter, abandoned)
    forgetIfEmpty(pool, group)
  }
}

function* dueTimes(pool: Pool): Iterable<number> {
  for (const worker of pool.workers.values()) {
    yield worker.deadlineMs
    yield worker.settledMs
    yield worker.drainByMs
    yield worker.drainByMs - pool.config.killGraceMs
    yield worker.standbyByMs
  }
  for (const group of pool.groups) yield group.drawnUntilMs
  yield pool.stopDueMs
  if (pool.serving !== null) yield pool.serving.spawnAfterMs
  yield pool.routing.retryMs
  yield pool.recycleAfterMs
  if (pool.settling !== null) yield pool.settling.atMs
  if (pool.observation !== null) yield pool.observation.nextMs
}

function newPool({
  config,
  effects,
  random,
  workers,
  watching,
  activates = true,
  nowMs,
}: MachineOptions): Pool {
  return {
    config,
    effects,
    random,
    nowMs,
    watching,
    phase: 'idle',
    wanted: workers,
    held: false,
    serving: null,
    previous: null,
    rollout: null,
    groups: new Set(),
    workers: new Map(),
    incarnations: new Map(),
    reading: null,
    waiting: null,
    settling: null,
    rollbackAfterCut: null,
    toldBegun: false,
    quarantine: null,
    lastRefusal: null,
    routing: newRouting(),
    observation: null,
    restart: null,
    activates,
    recycleAfterMs: 0,
    memoryLimitToldFor: null,
    budget: { checkMs: 0, samples: 0, pauseMs: 0, told: false },
    restoring: null,
    socketsCheckMs: 0,
    scaling: [],
    health: 'starting',
    admitted: 0,
    refused: 0,
    restarts: 0,
    abandoned: 0,
    acceptingStopped: false,
    abandonedByRouter: null,
    abandonedBefore: 0,
    stopDueMs: Infinity,
    stopByMs: Infinity,
    nextToken: 1,
    startedMs: nowMs,
  }
}
