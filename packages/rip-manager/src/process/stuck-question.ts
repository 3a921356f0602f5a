import { constants } from 'node:os'
import { STUCK_HEADING, STUCK_SAMPLING_MS, STUCK_SIGNAL } from '@rip/worker/protocol'
import { openLibc } from '../system/libc.ts'

/** Asks a worker whose event loop stands still where it stands, as the worker's protocol says. */
export class StuckQuestion {
  readonly #pid: number
  #again: NodeJS.Timeout | undefined

  constructor(pid: number) {
    this.#pid = pid
  }

  ask(): void {
    if (this.#again !== undefined) return
    interrupt(this.#pid)
    this.#again = setInterval(() => interrupt(this.#pid), STUCK_SAMPLING_MS)
    this.#again.unref()
  }

  /**
   * Whether a line of standard error is to be seen. Once asked, only the answer is: caught while it allocates memory,
   * Bun aborts with a crash report that blames itself.
   */
  lets(line: string): boolean {
    return this.#again === undefined || line === STUCK_HEADING || line.startsWith('    ')
  }

  /** The process is gone. */
  close(): void {
    clearInterval(this.#again)
  }
}

/** On any other thread than the main one the answer would end in a crash. */
function interrupt(pid: number): void {
  const signal = constants.signals[STUCK_SIGNAL]
  try {
    if (process.platform === 'linux') openLibc()?.signalMainThread(pid, signal)
    else process.kill(pid, signal)
  } catch {
    // ESRCH: it has just ended.
  }
}
