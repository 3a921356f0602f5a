import {
  STATUS_VERSION,
  type ManagerStatus,
  type WorkerState,
  type WorkerStatus,
} from '../contract/status.ts'
import type { Pool, Worker, WorkerStage } from '../machine/state.ts'
import { healthOf } from '../machine/health.ts'
import { readyWorkers } from '../machine/worker.ts'

export interface StatusFacts {
  readonly name: string
  readonly root: string
  /** Milliseconds since the epoch, now. */
  readonly wallMs: number
}

const shownStates: Readonly<Record<WorkerStage, WorkerState>> = {
  starting: 'starting',
  ready: 'ready',
  withdrawn: 'draining',
  draining: 'draining',
  terminating: 'draining',
  killed: 'draining',
  exited: 'exited',
}

/** The machine's state as an operator sees it. */
export function statusOf(pool: Pool, { name, root, wallMs }: StatusFacts): ManagerStatus {
  const { serving } = pool
  const toWallMs = (atMs: number): number => Math.round(wallMs - (pool.nowMs - atMs))
  return {
    version: STATUS_VERSION,
    name,
    pid: process.pid,
    root,
    health: healthOf(pool),
    generation: serving?.generation.id ?? null,
    previousGeneration: pool.previous?.id ?? null,
    wantedWorkers: pool.wanted,
    readyWorkers: serving === null ? 0 : readyWorkers(serving).length,
    watching: pool.watching,
    held: pool.held,
    reloads: { admitted: pool.admitted, refused: pool.refused },
    restarts: pool.restarts,
    lastRefusal: pool.lastRefusal,
    workers: [...pool.workers.values()].map((worker) => workerStatus(worker, toWallMs)),
    startedAtMs: toWallMs(pool.startedMs),
  }
}

function workerStatus(worker: Worker, toWallMs: (atMs: number) => number): WorkerStatus {
  const { slot, incarnation, pid, stage, group, socket, stageSinceMs, vitals } = worker
  return {
    slot,
    incarnation,
    pid,
    state: stage === 'ready' && group.role !== 'serving' ? 'standby' : shownStates[stage],
    generation: group.generation.id,
    socket,
    sinceMs: toWallMs(stageSinceMs),
    ...(worker.readyMs === null ? {} : { bootMs: worker.bootMs }),
    ...vitals,
  }
}
