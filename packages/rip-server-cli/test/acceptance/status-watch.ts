import type { ReleaseSandbox, Status } from '@rip/testing'

export interface StatusWatch {
  onStatus(listener: (status: Status) => void): void
  /** Smallest number of ready workers seen so far. */
  readonly fewestReady: () => number
  stop(): Promise<void>
}

/** Reads the status continuously. */
export function watchStatus(sandbox: ReleaseSandbox): StatusWatch {
  const listeners: ((status: Status) => void)[] = []
  let fewest = Number.POSITIVE_INFINITY
  let running = true
  const look = async (): Promise<void> => {
    while (running) {
      const status = await sandbox.status()
      if (status !== undefined) {
        fewest = Math.min(fewest, status.readyWorkers)
        for (const listener of listeners) listener(status)
      }
      await Bun.sleep(10)
    }
  }
  const looked = look()
  return {
    onStatus: (listener) => void listeners.push(listener),
    fewestReady: () => fewest,
    stop() {
      running = false
      return looked
    },
  }
}
