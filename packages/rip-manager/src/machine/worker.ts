import { OBSERVED_BACKOFF_CAP_MS } from '../contract/defaults.ts'
import type { ExitReason } from '../contract/exit-reason.ts'
import type { Group, Pool, Worker, WorkerStage } from './state.ts'

const allowed: Readonly<Record<WorkerStage, readonly WorkerStage[]>> = {
  starting: ['ready', 'terminating', 'killed', 'exited'],
  ready: ['withdrawn', 'terminating', 'killed', 'exited'],
  withdrawn: ['draining', 'terminating', 'killed', 'exited'],
  draining: ['terminating', 'killed', 'exited'],
  terminating: ['killed', 'exited'],
  killed: ['exited'],
  exited: [],
}

export function enter(pool: Pool, worker: Worker, stage: WorkerStage, deadlineMs: number = Infinity): void {
  if (!allowed[worker.stage].includes(stage)) {
    throw new Error(`worker ${worker.id} cannot go from ${worker.stage} to ${stage}`)
  }
  worker.stage = stage
  worker.stageSinceMs = pool.nowMs
  worker.deadlineMs = deadlineMs
  if (!isStaff(worker)) promoteSuccessor(worker)
}

/** Whoever was to take the place of a worker that leaves has it from now on. */
function promoteSuccessor(worker: Worker): void {
  for (const other of worker.group.workers) if (other.replaces === worker) other.replaces = null
}

/** Starts a process in a slot. Throws when the system refuses. */
export function launch(pool: Pool, group: Group, slot: number, replaces: Worker | null = null): Worker {
  const { config, effects, nowMs } = pool
  const { id: generation, snapshot, surroundings } = group.generation
  const incarnation = (pool.incarnations.get(slot) ?? 0) + 1
  pool.incarnations.set(slot, incarnation)
  const socket = effects.socketPath(slot, incarnation)
  const pid = effects.spawn({ slot, socket, generation, snapshot, surroundings })
  const worker: Worker = {
    id: `w${slot}.${incarnation}`,
    slot,
    incarnation,
    pid,
    socket,
    group,
    startedMs: nowMs,
    stage: 'starting',
    stageSinceMs: nowMs,
    deadlineMs: nowMs + config.bootTimeoutMs,
    settledMs: Infinity,
    drainByMs: Infinity,
    readyMs: null,
    bootMs: 0,
    activity: 'standby',
    standbyOrder: 0,
    standbyByMs: Infinity,
    vitals: { inFlight: 0, webSockets: 0, eventStreams: 0, requests: 0, rssBytes: 0, loopLagMs: 0 },
    heardMs: nowMs,
    aborted: null,
    ending: null,
    ...drawRecycling(pool),
    samplesOverMemory: 0,
    freshBytes: 0,
    recycle: null,
    replaces,
  }
  group.workers.add(worker)
  pool.workers.set(pid, worker)
  effects.emit({ type: 'worker-started', slot, pid, generation })
  if (!config.speaksProtocol) effects.probe(pid, socket)
  return worker
}

/** After how many requests, and how long, a worker is replaced. */
export function drawRecycling(pool: Pool): Pick<Worker, 'recycleAfterRequests' | 'recycleAfterMs'> {
  const { requests, lifetimeMs } = pool.config.recycle
  return { recycleAfterRequests: jittered(pool, requests), recycleAfterMs: jittered(pool, lifetimeMs) }
}

/** The limit ± the configured share, so that workers started together are not recycled together. */
function jittered(pool: Pool, limit: number): number {
  if (limit === 0) return Infinity
  return limit * (1 + pool.config.recycle.jitter * (2 * pool.random() - 1))
}

/** The code of a generation has cost a worker. Returns the delay before the next one may start. */
export function chargeBudget(pool: Pool, group: Group): number {
  const { nowMs } = pool
  const delayMs = Math.min(group.budget.crash(nowMs), maxDelayMs(pool, group))
  group.lastCrashMs = nowMs
  group.spawnAfterMs = Math.max(group.spawnAfterMs, nowMs + delayMs)
  return group.spawnAfterMs - nowMs
}

/** Lots tell whether the code is to blame, and can only be drawn while it has a worker. */
function maxDelayMs({ observation, config, nowMs }: Pool, { role }: Group): number {
  const isJudged = config.observe?.compares === true && observation !== null && nowMs < observation.untilMs
  return isJudged && role === 'serving' ? OBSERVED_BACKOFF_CAP_MS : Infinity
}

/** Takes a ready worker out of the wanted rotation; it is told to drain once the router has followed. */
export function withdraw(pool: Pool, worker: Worker, ending: ExitReason): void {
  worker.ending = ending
  worker.recycle = null
  if (worker.stage === 'starting') return terminate(pool, worker, ending)
  if (worker.stage !== 'ready') return
  enter(pool, worker, 'withdrawn')
  worker.drainByMs = drainDeadline(pool)
}

/** Gives it no more time to finish what it has than a worker needs to end. */
export function hurry(pool: Pool, worker: Worker): void {
  worker.drainByMs = Math.min(worker.drainByMs, pool.nowMs)
  if (worker.stage === 'draining') worker.deadlineMs = Math.min(worker.deadlineMs, pool.nowMs)
}

/** A stop as a whole takes no longer than one drain. */
export function drainDeadline({ nowMs, config, stopByMs }: Pool): number {
  return Math.min(nowMs + config.drainTimeoutMs, stopByMs)
}

/** Asks the worker to finish what runs. A program without control messages is asked by TERM. */
export function orderDrain(pool: Pool, worker: Worker): void {
  const { config, effects, nowMs } = pool
  const untilMs = Math.max(worker.drainByMs, nowMs + config.killGraceMs)
  if (!config.speaksProtocol) {
    enter(pool, worker, 'terminating', untilMs)
    return effects.signal(worker.pid, 'SIGTERM')
  }
  enter(pool, worker, 'draining', untilMs)
  effects.send(worker.pid, { type: 'drain', deadlineMs: untilMs - nowMs })
}

/** Asks it to leave, by TERM what may not be able to hear of it otherwise, and sends KILL when the grace is over. */
export function terminate(pool: Pool, worker: Worker, ending: ExitReason): void {
  worker.ending = ending
  if (worker.stage === 'terminating' || worker.stage === 'killed') return
  const { killGraceMs, speaksProtocol } = pool.config
  enter(pool, worker, 'terminating', pool.nowMs + killGraceMs)
  if (speaksProtocol) pool.effects.send(worker.pid, { type: 'drain', deadlineMs: killGraceMs })
  pool.effects.signal(worker.pid, 'SIGTERM')
}

export function kill(pool: Pool, worker: Worker): void {
  if (worker.stage === 'killed') return
  enter(pool, worker, 'killed')
  pool.effects.signal(worker.pid, 'SIGKILL')
}

/** Fills its slot: neither leaving nor gone. */
export function isStaff(worker: Worker): boolean {
  return worker.stage === 'starting' || worker.stage === 'ready'
}

export function readyWorkers(group: Group): readonly Worker[] {
  return [...group.workers].filter((worker) => worker.stage === 'ready')
}

/** Slots that are wanted and not filled. */
export function emptySlots({ wanted }: Pool, group: Group): readonly number[] {
  const slots = Array.from({ length: wanted }, (_, index) => index + 1)
  return slots.filter((slot) => occupant(group, slot) === undefined)
}

/** The worker that fills a slot, a successor in preparation left aside. */
export function occupant(group: Group, slot: number): Worker | undefined {
  for (const worker of group.workers) {
    if (worker.slot === slot && isStaff(worker) && worker.replaces === null) return worker
  }
  return undefined
}
