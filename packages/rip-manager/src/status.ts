import { SNAPSHOT_VERSION, type ManagerSnapshot, type WorkerPhase, type WorkerSnapshot } from './snapshot.ts'
import type { Pool, Worker, WorkerStage } from './machine/state.ts'
import { healthOf } from './machine/health.ts'
import { readyWorkers } from './machine/worker.ts'

export interface StatusFacts {
  readonly name: string
  readonly root: string
  /** Milliseconds since the epoch, now. */
  readonly wallMs: number
}

const phases: Readonly<Record<WorkerStage, WorkerPhase>> = {
  starting: 'starting',
  ready: 'ready',
  withdrawn: 'draining',
  draining: 'draining',
  terminating: 'draining',
  killed: 'draining',
  exited: 'exited',
}

/** The machine's state as an operator sees it. */
export function statusOf(pool: Pool, { name, root, wallMs }: StatusFacts): ManagerSnapshot {
  const { serving } = pool
  const toWallMs = (atMs: number): number => Math.round(wallMs - (pool.nowMs - atMs))
  return {
    version: SNAPSHOT_VERSION,
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

function workerStatus(worker: Worker, toWallMs: (atMs: number) => number): WorkerSnapshot {
  const { slot, incarnation, pid, stage, group, socket, stageSinceMs, vitals } = worker
  return {
    slot,
    incarnation,
    pid,
    phase: stage === 'ready' && group.role !== 'serving' ? 'standby' : phases[stage],
    generation: group.generation.id,
    socket,
    sinceMs: toWallMs(stageSinceMs),
    ...(worker.readyMs === null ? {} : { bootMs: worker.bootMs }),
    ...vitals,
  }
}
