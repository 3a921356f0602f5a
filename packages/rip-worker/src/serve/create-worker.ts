import { resolveWorkerOptions, type WorkerOptions } from './options.ts'
import { ServingWorker } from './serving-worker.ts'
import type { Worker } from './worker.ts'

/**
 * Serves an application.
 *
 * @throws WorkerError `RIP_OPTION_INVALID`, `RIP_LISTEN_FAILED`, `RIP_READY_FAILED`.
 */
export async function serveWorker(options: WorkerOptions): Promise<Worker> {
  const worker = createWorker(options)
  await worker.start()
  return worker
}

/**
 * A worker that has not started.
 *
 * @throws WorkerError `RIP_OPTION_INVALID`.
 */
export function createWorker(options: WorkerOptions): Worker {
  return new ServingWorker(resolveWorkerOptions(options))
}
