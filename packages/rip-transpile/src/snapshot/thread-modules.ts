/**
 * Makes threads that this process starts with `new Worker()` load their modules as it does: Bun gives them none of its
 * plugins, but a preload. Threads of `node:worker_threads` load from disk.
 *
 * @param register path of a module that installs the loader
 */
export function preloadThreads(register: string): void {
  const Native = globalThis.Worker
  globalThis.Worker = class Worker extends Native {
    constructor(file: string | URL, options: WorkerOptions = {}) {
      super(file, { ...options, preload: [register, ...[options.preload ?? []].flat()] })
    }
  }
}
