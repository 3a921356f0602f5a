import {
  STATUS_VERSION,
  type ManagerStatus,
  type WorkerState,
  type WorkerStatus,
} from '../contract/status.ts'
import type { Fleet, Worker, ProcessState } from '../machine/state.ts'
import { healthOf } from '../machine/health.ts'
import { readyWorkers } from '../machine/worker.ts'

export interface StatusFacts {
  readonly name: string
  readonly root: string
  /** Milliseconds since the epoch, now. */
  readonly wallMs: number
}

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
export function statusOf(fleet: Fleet, { name, root, wallMs }: StatusFacts): ManagerStatus {
  const { serving } = fleet
  const toWallMs = (atMs: number): number => Math.round(wallMs - (fleet.nowMs - atMs))
  return {
    version: STATUS_VERSION,
    name,
    pid: process.pid,
    root,
    health: healthOf(fleet),
    generation: serving?.generation.id ?? null,
    previousGeneration: fleet.previous?.id ?? null,
    wantedWorkers: fleet.wanted,
    readyWorkers: serving === undefined ? 0 : readyWorkers(serving).length,
    watching: fleet.watching,
    held: fleet.held,
    reloads: { admitted: fleet.counters.admitted, refused: fleet.counters.refused },
    restarts: fleet.counters.restarts,
    lastRefusal: fleet.refusals.last ?? null,
    workers: [...fleet.workers.values()].map((worker) => workerStatus(worker, toWallMs)),
    startedAtMs: toWallMs(fleet.startedMs),
  }
}

function workerStatus(worker: Worker, toWallMs: (atMs: number) => number): WorkerStatus {
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
  }
}
