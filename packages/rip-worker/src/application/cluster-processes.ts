import type { Cluster } from 'node:cluster'

/** Processes the application has forked by `node:cluster`, which each would be a worker as well. */
export class ClusterProcesses {
  /** Loaded only for applications that do not open a server: it costs memory. */
  readonly #cluster = process.getBuiltinModule('node:cluster') as unknown as Cluster

  get count(): number {
    return Object.keys(this.#cluster.workers ?? {}).length
  }

  /** They run the worker's own program in vain. Nobody may fork others in their place. */
  kill(): void {
    this.#cluster.removeAllListeners()
    for (const worker of Object.values(this.#cluster.workers ?? {})) worker?.process.kill('SIGKILL')
  }
}
