import { ORPHAN_SCAN_MS } from './bounds.ts'
import { childrenOf } from '../system/descendants.ts'
import { processState } from '../system/start-time.ts'
import { openLibc } from '../system/libc.ts'

const WNOHANG = 1

export interface OrphanReaper {
  close(): void
}

/**
 * Buries the zombies of processes we never started. The first process of a container inherits every process
 * whose parent died, and the runtime waits for its own children only. A zombie seen in two scans in a row is
 * not ours: the runtime buries its own within one turn of the event loop. Does nothing unless this process
 * is pid 1, or `force` says that it inherits orphans for another reason.
 */
export function startOrphanReaper(options: { readonly force?: boolean } = {}): OrphanReaper | undefined {
  if (process.pid !== 1 && options.force !== true) return undefined
  let suspects: readonly number[] = []
  const timer = setInterval(() => {
    const zombies = zombieChildren()
    for (const pid of zombies) if (suspects.includes(pid)) bury(pid)
    suspects = zombies
  }, ORPHAN_SCAN_MS)
  timer.unref()
  return { close: () => clearInterval(timer) }
}

function zombieChildren(): readonly number[] {
  return childrenOf('self').filter((pid) => processState(pid) === 'Z')
}

function bury(pid: number): void {
  try {
    openLibc()?.waitpid(pid, WNOHANG)
  } catch {
    // ECHILD: another caller was faster.
  }
}
