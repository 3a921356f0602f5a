import type { Manager } from '../contract/manager-api.ts'
import type { WorkerStatus } from '../contract/status.ts'

/**
 * Throws when the state of a manager contradicts itself: a process, a socket or a slot that is used twice, or a
 * count that does not match. Holds at every moment, so it may be called after each step of a test.
 */
export function assertInvariants(manager: Pick<Manager, 'status'>): void {
  const { workers, generation, readyWorkers, wantedWorkers } = manager.status
  mustDiffer('process', workers, ({ pid }) => String(pid))
  mustDiffer('socket', workers, ({ socket }) => socket)
  mustDiffer('incarnation', workers, ({ slot, incarnation }) => `${slot}.${incarnation}`)
  const ready = workers.filter((worker) => worker.state === 'ready' && worker.generation === generation)
  mustDiffer('slot', ready, ({ slot }) => String(slot))
  if (readyWorkers > ready.length)
    throw new Error(`${readyWorkers} workers are said to be ready, ${ready.length} are`)
  if (wantedWorkers < 1) throw new Error(`${wantedWorkers} workers are wanted`)
}

function mustDiffer(
  what: string,
  workers: readonly WorkerStatus[],
  keyOf: (worker: WorkerStatus) => string,
): void {
  const seen = new Set<string>()
  for (const worker of workers) {
    const key = keyOf(worker)
    if (seen.has(key)) throw new Error(`${what} ${key} is used twice`)
    seen.add(key)
  }
}
