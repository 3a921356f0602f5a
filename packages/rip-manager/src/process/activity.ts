import { readFileSync } from 'node:fs'
import type { ProcessActivity } from '../snapshot.ts'
import { processState } from './start-time.ts'

/** A thread that computes may wait for a moment, for a page or the garbage collector: several looks decide. */
const LOOKS = 5
const BETWEEN_LOOKS_MS = 2

/** What the main thread of a process that does not answer is doing (proc_pid_stat(5), proc_pid_wchan(5)). */
export function processActivity(pid: number): ProcessActivity {
  for (let look = 0; look < LOOKS; look += 1) {
    if (look > 0) Bun.sleepSync(BETWEEN_LOOKS_MS)
    const state = processState(pid)
    if (state === undefined) return { kind: 'unknown' }
    if (state === 'R') return { kind: 'computing' }
    if (state === 'T' || state === 't') return { kind: 'stopped' }
  }
  const waitsIn = kernelFunction(pid)
  return { kind: 'waiting', ...(waitsIn !== undefined && { waitsIn }) }
}

/** Where in the kernel it waits, such as `futex_do_wait`. */
function kernelFunction(pid: number): string | undefined {
  try {
    const name = readFileSync(`/proc/${pid}/wchan`, 'utf8')
    return name === '0' || name === '' ? undefined : name
  } catch {
    // ENOENT: gone. EACCES: hidden from us.
    return undefined
  }
}
