import { LAST_COUNT_MS } from '../contract/defaults.ts'
import type { ExitReason, RecycleReason } from '../contract/exit-reason.ts'
import type { Group, Fleet, Worker, ProcessState } from './state.ts'

const allowed: Readonly<Record<ProcessState, readonly ProcessState[]>> = {
  starting: ['ready', 'terminating', 'killed', 'exited'],
  ready: ['withdrawn', 'terminating', 'killed', 'exited'],
  withdrawn: ['draining', 'terminating', 'killed', 'exited'],
  draining: ['terminating', 'killed', 'exited'],
  terminating: ['killed', 'exited'],
  killed: ['exited'],
  exited: [],
}

export function enter(
  fleet: Fleet,
  worker: Worker,
  state: ProcessState,
  deadlineMs: number = Infinity,
): void {
  if (!allowed[worker.state].includes(state)) {
    throw new Error(`worker ${worker.id} cannot go from ${worker.state} to ${state}`)
  }
  worker.state = state
  worker.stateSinceMs = fleet.nowMs
  worker.deadlineMs = deadlineMs
  if (!isStaff(worker)) promoteSuccessor(worker)
}

/** A worker that leaves is not replaced any more: its successor, if there is one, has the place. */
function promoteSuccessor(worker: Worker): void {
  for (const other of worker.group.workers) if (other.replaces === worker) other.replaces = undefined
}

/** Starts a process in a slot. @throws Error when the system refuses */
export function launch(fleet: Fleet, group: Group, slot: number, replaces?: Worker): Worker {
  const { config, effects, nowMs } = fleet
  const { id: generation, snapshot, surroundings } = group.generation
  const incarnation = (fleet.incarnations.get(slot) ?? 0) + 1
  fleet.incarnations.set(slot, incarnation)
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
    state: 'starting',
    stateSinceMs: nowMs,
    deadlineMs: nowMs + config.bootTimeoutMs,
    settledMs: Infinity,
    drainByMs: Infinity,
    readyMs: undefined,
    bootMs: 0,
    activity: 'standby',
    standbyOrder: 0,
    standbyByMs: Infinity,
    vitals: {
      inFlight: 0,
      webSockets: 0,
      eventStreams: 0,
      requests: 0,
      rssBytes: 0,
      loopLagMs: 0,
      published: 0,
      delivered: 0,
      dropped: 0,
    },
    http2: false,
    heardMs: nowMs,
    abandoned: undefined,
    ending: undefined,
    ...drawRecycling(fleet),
    samplesOverMemory: 0,
    freshBytes: 0,
    ownBytes: 0,
    samplesLowOnDescriptors: 0,
    freshDescriptors: undefined,
    replacedFor: replaces?.recycle,
    recycle: undefined,
    oomRank: 'expendable',
    replaces,
  }
  group.workers.add(worker)
  fleet.workers.set(pid, worker)
  effects.emit({ type: 'worker-started', slot, pid, generation })
  if (!config.speaksProtocol) effects.probe(pid, socket)
  return worker
}

/** After how many requests, and how long, a worker is replaced. */
export function drawRecycling(fleet: Fleet): Pick<Worker, 'recycleAfterRequests' | 'recycleAfterMs'> {
  const { requests, lifetimeMs } = fleet.config.recycle
  return { recycleAfterRequests: jittered(fleet, requests), recycleAfterMs: jittered(fleet, lifetimeMs) }
}

/** The limit ± the configured share, so that workers started together are not recycled together. */
function jittered(fleet: Fleet, limit: number): number {
  if (limit === 0) return Infinity
  return limit * (1 + fleet.config.recycle.jitter * (2 * fleet.random() - 1))
}

/** The worker serves, in its own right. Returns the worker it was started to replace, if any. */
export function becomeReady(fleet: Fleet, worker: Worker): Worker | undefined {
  const { replaces } = worker
  enter(fleet, worker, 'ready')
  worker.readyMs = fleet.nowMs
  worker.bootMs = fleet.nowMs - worker.startedMs
  worker.replaces = undefined
  worker.ownBytes = fleet.effects.footprint(worker.pid)?.peakBytes ?? 0
  worker.group.bystanders = 0
  return replaces
}

/** The worker waits for its turn to be replaced. */
export function markForReplacement(worker: Worker, reason: RecycleReason): void {
  worker.recycle = reason
}

/** The worker stays. */
export function unmark(worker: Worker): void {
  worker.recycle = undefined
}

/** Takes a ready worker out of the rotation. `leave` tells it to drain once the router has followed. */
export function withdraw(fleet: Fleet, worker: Worker, ending: ExitReason): void {
  worker.ending = ending
  worker.recycle = undefined
  if (worker.state === 'starting') return terminate(fleet, worker, ending)
  if (worker.state !== 'ready') return
  enter(fleet, worker, 'withdrawn')
  worker.drainByMs = drainDeadline(fleet)
}

/** Gives the worker no more time to finish what it has than one needs to end. */
export function hurry(fleet: Fleet, worker: Worker): void {
  worker.drainByMs = Math.min(worker.drainByMs, fleet.nowMs)
  if (worker.state === 'draining') terminate(fleet, worker, worker.ending ?? { kind: 'drained' })
}

/** A stop as a whole takes no longer than one drain. */
export function drainDeadline({ nowMs, config, stop }: Fleet): number {
  return Math.min(nowMs + config.drainTimeoutMs, stop.byMs)
}

/** Asks the worker to finish what runs. A program without control messages is asked by TERM. */
export function orderDrain(fleet: Fleet, worker: Worker): void {
  const { config, effects, nowMs } = fleet
  const untilMs = Math.max(worker.drainByMs, nowMs + config.killGraceMs)
  if (!config.speaksProtocol) {
    enter(fleet, worker, 'terminating', untilMs)
    return effects.signal(worker.pid, 'SIGTERM')
  }
  enter(fleet, worker, 'draining', untilMs)
  effects.send(worker.pid, { type: 'drain', deadlineMs: untilMs - nowMs })
}

/** Asks the worker to leave, by TERM too as it may not hear messages any more; KILL follows when the grace is over. */
export function terminate(fleet: Fleet, worker: Worker, ending: ExitReason): void {
  worker.ending = ending
  if (worker.state === 'terminating' || worker.state === 'killed') return
  const { killGraceMs, speaksProtocol } = fleet.config
  enter(fleet, worker, 'terminating', fleet.nowMs + killGraceMs)
  if (speaksProtocol) fleet.effects.send(worker.pid, { type: 'drain', deadlineMs: killGraceMs })
  fleet.effects.signal(worker.pid, 'SIGTERM')
}

export function kill(fleet: Fleet, worker: Worker): void {
  if (worker.state === 'killed') return
  enter(fleet, worker, 'killed')
  fleet.effects.signal(worker.pid, 'SIGKILL')
}

/** A worker counts its requests once a second; it is asked once more, and killed whether it answers or not. */
export function endNow(fleet: Fleet, worker: Worker): void {
  worker.ending ??= { kind: 'killed', reason: 'stop' }
  const counts = worker.state === 'ready' || worker.state === 'withdrawn' || worker.state === 'draining'
  if (!fleet.config.speaksProtocol || !counts) return kill(fleet, worker)
  fleet.effects.send(worker.pid, { type: 'ping' })
  enter(fleet, worker, 'terminating', fleet.nowMs + LAST_COUNT_MS)
}

/** The worker fills its slot: it is neither leaving nor gone. */
export function isStaff(worker: Worker): boolean {
  return worker.state === 'starting' || worker.state === 'ready'
}

export function readyWorkers(group: Group): readonly Worker[] {
  return [...group.workers].filter((worker) => worker.state === 'ready')
}

/** Slots that are wanted and not filled. */
export function emptySlots({ wanted }: Fleet, group: Group): readonly number[] {
  const slots = Array.from({ length: wanted }, (_, index) => index + 1)
  return slots.filter((slot) => occupant(group, slot) === undefined)
}

/** The worker that fills a slot. A successor that still boots does not. */
export function occupant(group: Group, slot: number): Worker | undefined {
  for (const worker of group.workers) {
    if (worker.slot === slot && isStaff(worker) && worker.replaces === undefined) return worker
  }
  return undefined
}
