import { STUCK_HEADING } from '@rip/worker/protocol'
import type { ExitStatus } from '../contract/ports.ts'
import type { ExitReason } from '../contract/exit-reason.ts'
import type { BackgroundProcess, Worker } from './state.ts'

const outsideSignals = new Set(['SIGKILL', 'SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'])
/** Signals that ask the server for something, and end only processes too young to handle them. */
const requestSignals = new Set(['SIGHUP', 'SIGUSR1', 'SIGUSR2'])

/** What the end of a process means, given what it had been told before. */
export function exitReason(
  { ending, state }: Pick<Worker | BackgroundProcess, 'ending' | 'state'>,
  status: ExitStatus,
  stderr: string,
): ExitReason {
  if (status.oom) return { kind: 'oom' }
  if (ending?.kind === 'stuck-loop') return { ...ending, ...stuckAt(stderr) }
  if (ending === undefined) return crashed(status, stderr)
  if (ending.kind !== 'drained' && ending.kind !== 'recycled') return ending
  // Its state says whether it was killed, or left by itself in time.
  if (state === 'killed') return { kind: 'killed', reason: 'drain-deadline' }
  if (state === 'terminating' || status.code === 0) return ending
  return crashed(status, stderr)
}

/** Where the worker's event loop stood, if it could still say so. */
function stuckAt(stderr: string): { readonly stack?: string } {
  const lines = stderr.split('\n')
  const heading = lines.lastIndexOf(STUCK_HEADING)
  if (heading === -1) return {}
  const frames = lines.slice(heading + 1)
  const end = frames.findIndex((line) => !line.startsWith('    '))
  return { stack: frames.slice(0, end === -1 ? undefined : end).join('\n') }
}

function crashed({ code, signal }: ExitStatus, stderr: string): ExitReason {
  return { kind: 'crashed', code, signal, stderr }
}

/** Ends that were planned, or that we brought about for reasons outside the worker. */
export function isVoluntary(reason: ExitReason): boolean {
  return reason.kind === 'drained' || reason.kind === 'recycled' || reason.kind === 'killed'
}

/** Signals that people and machines send, and a program hardly ever sends to itself. */
export function isOutsideSignal(signal: string | null): boolean {
  return signal !== null && outsideSignals.has(signal)
}

/** A signal from outside ended a worker that worked: not the fault of its code, so it costs no crash budget. */
export function isKilledFromOutside(reason: ExitReason, uptimeReadyMs: number, minUptimeMs: number): boolean {
  return reason.kind === 'crashed' && isOutsideSignal(reason.signal) && uptimeReadyMs >= minUptimeMs
}

/** A signal that was meant for the server, and was sent to all of its processes, ended one that had just been started. */
export function isBystander(reason: ExitReason): boolean {
  return reason.kind === 'crashed' && reason.signal !== null && requestSignals.has(reason.signal)
}
