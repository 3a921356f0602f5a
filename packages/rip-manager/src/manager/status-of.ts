import {
  type BackgroundProcessState,
  type BackgroundStatus,
  type CrashRecord,
  STATUS_VERSION,
  type ManagerStatus,
  type WorkerState,
  type WorkerStatus,
} from '../contract/status.ts'
import type { BackgroundPost, BackgroundState, Fleet, Worker, ProcessState } from '../machine/state.ts'
import { workingProcess } from '../machine/background-post.ts'
import { healthOf } from '../machine/health.ts'
import { isStopping } from '../machine/life.ts'
import { readyWorkers } from '../machine/worker.ts'

export interface StatusFacts {
  readonly name: string
  readonly root: string
  /** Milliseconds since the epoch, now. */
  readonly wallMs: number
  /** Why a process beside the workers is not there, a sentence each. */
  readonly absences?: readonly string[]
  readonly crashes?: Omit<CrashRecord, 'nextStartAtMs'> | undefined
  /** By the name of the program that works in the background. */
  readonly backgroundCrashes?: (name: string) => Omit<CrashRecord, 'nextStartAtMs'> | undefined
}

/** A beacon that is later than so many of its intervals is overdue. */
const OVERDUE_BEACONS = 1.5

const shownStates: Readonly<Record<ProcessState, WorkerState>> = {
  starting: 'starting',
  ready: 'ready',
  withdrawn: 'draining',
  draining: 'draining',
  terminating: 'draining',
  killed: 'draining',
  exited: 'exited',
}

/** The machine's state as an operator sees it. */
export function statusOf(
  fleet: Fleet,
  { name, root, wallMs, absences = [], crashes, backgroundCrashes = () => undefined }: StatusFacts,
): ManagerStatus {
  const { serving, verdicts } = fleet
  const toWallMs = (atMs: number): number => Math.round(wallMs - (fleet.nowMs - atMs))
  const workers = [...fleet.workers.values()].map((worker) => workerStatus(fleet, worker, toWallMs))
  const background = fleet.background.map((post) =>
    backgroundStatus(fleet, post, backgroundCrashes(post.name), toWallMs),
  )
  return {
    version: STATUS_VERSION,
    name,
    pid: process.pid,
    root,
    health: healthOf(fleet),
    healthReasons: [
      ...(fleet.serving === undefined || isStopping(fleet) ? [] : absences),
      ...lackingReasons(fleet),
      ...fleet.background.flatMap((post) => idleReason(post)),
      ...workers.flatMap((worker) => [...silenceReason(worker), ...exhaustionReason(worker)]),
    ],
    generation: serving?.generation.id ?? null,
    previousGeneration: fleet.previous?.id ?? null,
    wantedWorkers: fleet.wanted,
    readyWorkers: serving === undefined ? 0 : readyWorkers(serving).length,
    watching: fleet.watching,
    held: fleet.held,
    reloads: { admitted: fleet.counters.admitted, refused: fleet.counters.refused },
    restarts: fleet.counters.restarts,
    crashes: crashes === undefined ? null : { ...crashes, nextStartAtMs: nextStartAtMs(fleet, toWallMs) },
    lastRefusal: fleet.refusals.last ?? null,
    disk: diskStatus(fleet),
    condemned: verdicts.on(serving?.generation.id) ?? null,
    workers,
    background,
    startedAtMs: toWallMs(fleet.startedMs),
  }
}

function lackingReasons({ serving, wanted }: Fleet): string[] {
  const ready = serving === undefined ? 0 : readyWorkers(serving).length
  if (serving === undefined || ready >= wanted || !serving.complete) return []
  return [`${ready} of ${wanted} workers ${ready === 1 ? 'is' : 'are'} ready`]
}

function idleReason(post: BackgroundPost): string[] {
  if (!post.hasCrashed || workingProcess(post) !== undefined) return []
  return [`the background process ${post.name} ${post.budget.spent ? 'keeps ending' : 'has ended'}`]
}

const NO_VITALS = { rssBytes: 0, loopLagMs: 0, published: 0, delivered: 0, dropped: 0 } as const

const backgroundStates: Readonly<Record<BackgroundState, BackgroundProcessState>> = {
  preparing: 'starting',
  prepared: 'prepared',
  beginning: 'starting',
  working: 'working',
  leaving: 'ending',
  terminating: 'ending',
  killed: 'ending',
}

function backgroundStatus(
  { nowMs }: Fleet,
  post: BackgroundPost,
  crashes: Omit<CrashRecord, 'nextStartAtMs'> | undefined,
  toWallMs: (atMs: number) => number,
): BackgroundStatus {
  const { name, restarts, spawnAfterMs } = post
  const process = workingProcess(post) ?? [...post.processes].at(-1)
  const { count, reason, atMs } = crashes ?? {}
  const nextStartAtMs = process === undefined && spawnAfterMs > nowMs ? toWallMs(spawnAfterMs) : null
  return {
    name,
    state: process === undefined ? 'waiting' : backgroundStates[process.state],
    pid: process?.pid ?? null,
    generation: process?.generation.id ?? null,
    sinceMs: process === undefined ? null : toWallMs(process.stateSinceMs),
    ...(process?.vitals ?? NO_VITALS),
    restarts,
    crashes:
      count === undefined || reason === undefined || atMs === undefined
        ? null
        : { count, reason, atMs, nextStartAtMs },
  }
}

/** A second without a word may be a busy machine. */
const SILENCE_TOLD_MS = 3_000

function silenceReason({ slot, state, loopLagMs }: WorkerStatus): string[] {
  if (state !== 'ready' || loopLagMs < SILENCE_TOLD_MS) return []
  return [`worker ${slot} has blocked its event loop for ${(loopLagMs / 1_000).toFixed(1)} s`]
}

function exhaustionReason({ slot, state, freeDescriptors }: WorkerStatus): string[] {
  return state === 'ready' && freeDescriptors === 0 ? [`worker ${slot} has no file descriptor left`] : []
}

function nextStartAtMs({ serving, wanted, nowMs }: Fleet, toWallMs: (atMs: number) => number): number | null {
  if (serving === undefined || serving.spawnAfterMs <= nowMs) return null
  return readyWorkers(serving).length < wanted ? toWallMs(serving.spawnAfterMs) : null
}

/** By its last word, or by how long the next one is overdue: one whose loop is blocked cannot say so. */
function lagMs({ nowMs, config }: Fleet, { state, heardMs, vitals }: Worker): number {
  const silentMs = nowMs - heardMs
  const speaks = config.speaksProtocol && (state === 'ready' || state === 'withdrawn')
  const isOverdue = speaks && silentMs > OVERDUE_BEACONS * config.beaconMs
  return isOverdue ? Math.max(vitals.loopLagMs, Math.round(silentMs)) : vitals.loopLagMs
}

function diskStatus({ verdicts }: Fleet): ManagerStatus['disk'] {
  const { disk } = verdicts
  return disk === undefined ? null : { ...disk, verdict: verdicts.on(disk.generation) ?? null }
}

function workerStatus(fleet: Fleet, worker: Worker, toWallMs: (atMs: number) => number): WorkerStatus {
  const { slot, incarnation, pid, state, group, socket, stateSinceMs, vitals } = worker
  return {
    slot,
    incarnation,
    pid,
    state: state === 'ready' && group.state !== 'serving' ? 'standby' : shownStates[state],
    generation: group.generation.id,
    socket,
    sinceMs: toWallMs(stateSinceMs),
    ...(worker.readyMs === undefined ? {} : { bootMs: worker.bootMs }),
    ...vitals,
    loopLagMs: lagMs(fleet, worker),
  }
}
