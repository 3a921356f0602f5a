import type { Cluster } from 'node:cluster'

/** Processes that the application has forked with `node:cluster`; each of them starts the worker's program again. */
export class ClusterProcesses {
  /** Loaded only for applications that do not open a server: it costs memory. */
  readonly #cluster = process.getBuiltinModule('node:cluster') as unknown as Cluster

  get count(): number {
    return Object.keys(this.#cluster.workers ?? {}).length
  }

  /** Ends them, and keeps the application from forking others in their place: they run the worker's program in vain. */
  kill(): void {
    this.#cluster.removeAllListeners()
    for (const worker of Object.values(this.#cluster.workers ?? {})) worker?.process.kill('SIGKILL')
  }
}
