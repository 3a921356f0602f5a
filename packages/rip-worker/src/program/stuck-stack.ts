import { JSCallback } from 'bun:ffi'
import * as jsc from 'bun:jsc'
import { OWN_FOLDER } from '../own-folder.ts'
import { STUCK_HEADING } from '../protocol.ts'
import type { CLibrary } from './c-library.ts'
import { hottestStack, type StackSample } from './stack-samples.ts'

/** `STUCK_SIGNAL` of all processors but MIPS; `node:os` would cost each worker its memory. */
const SIGXCPU = 24
const STDERR = 2

/** Size of the largest `sigset_t`, glibc's. */
const SIGSET_BYTES = 128

/** Kept here because only the kernel refers to it, which the garbage collector does not see. */
let handler: JSCallback | undefined

/**
 * Lets a supervisor ask this process where its event loop is stuck: `STUCK_SIGNAL` prints the stack to standard error
 * and ends the process.
 *
 * Neither signal handlers of Bun nor its inspector run while the loop stands still. A native handler does, in the
 * middle of whatever the thread was doing: it is only for a process that will be ended anyway, and if memory was
 * just being allocated Bun aborts instead of answering.
 */
export function answerWhereStuck(library: CLibrary): void {
  const blocked = new Uint32Array(SIGSET_BYTES / 4)
  library.sigprocmask(0, null, blocked)
  /** Signals blocked outside handlers, inherited from the parent process. */
  const usual = blocked[0]!
  /**
   * Whether this interrupts another handler, such as the profiler's, which stops this thread while it holds its own
   * lock.
   */
  const isNested = (): boolean => {
    library.sigprocmask(0, null, blocked)
    return (blocked[0]! & ~usual & ~(1 << (SIGXCPU - 1))) !== 0
  }
  const end = (frames: readonly string[]): void => {
    const where = frames.length === 0 ? ['    in native code, such as a regular expression'] : frames
    const text = new TextEncoder().encode(`${STUCK_HEADING}\n${where.join('\n')}\n`)
    library.write(STDERR, text, text.byteLength)
    process.kill(process.pid, 'SIGKILL')
  }
  let sampling = false
  const answer = (): void => {
    // The supervisor sends the signal again.
    if (isNested()) return
    if (sampling) return end(hottestStack(samples()))
    const frames = ownFrames()
    if (frames.length > 0) return end(frames)
    // Compiled loops are missing from the stack of a handler; a profiler sees them from outside.
    sampling = true
    jsc.startSamplingProfiler()
  }
  handler = new JSCallback(answer, { args: ['int'], returns: 'void' })
  library.signal(SIGXCPU, handler.ptr)
}

/** The frames that called into native code and wait for it. */
function ownFrames(): readonly string[] {
  const lines = (new Error().stack ?? '').split('\n').slice(1)
  return lines.filter((line) => !line.includes(OWN_FOLDER))
}

/** What bun-types 1.4.5 leaves out of `bun:jsc`. */
interface Undeclared {
  samplingProfilerStackTraces(): { readonly traces: readonly StackSample[] }
}

function samples(): readonly StackSample[] {
  return (jsc as unknown as Undeclared).samplingProfilerStackTraces().traces
}
