import type { ManagerEvent, ManagerStatus, WorkerStatus } from '@rip/manager'
import { refusalMessage } from '@rip/server/text'
import { exitReasonText, shortGeneration } from '../terminal/event-line.ts'
import { durationText } from '../terminal/quantity-text.ts'

/** What becomes of changed code, or became of it a moment ago. */
export interface ReloadProgress {
  readonly state: 'under way' | 'done' | 'refused'
  readonly text: string
  /** From 0 to 1. */
  readonly share: number
}

/** How long an outcome is shown. */
const DONE_SHOWN_MS = 8_000
const REFUSED_SHOWN_MS = 30_000
/** Steps beside the workers: to build, and to switch. */
const OTHER_STEPS = 2

const ENDS: ReadonlySet<string> = new Set(['generation-cut', 'generation-refused', 'generation-unchanged'])

/**
 * The reload that is under way, or that ended a moment ago; `undefined` without one.
 *
 * @param events in order
 * @param nowMs milliseconds since the epoch
 */
export function reloadProgress(
  events: readonly ManagerEvent[],
  status: ManagerStatus,
  nowMs: number,
): ReloadProgress | undefined {
  const begin = events.findLast((event) => event.type === 'generation-building')
  const end = events.findLast((event) => ENDS.has(event.type))
  if (begin?.type === 'generation-building' && (end === undefined || end.seq < begin.seq))
    return underWay(begin.generation, begin.atMs, status, nowMs)
  return end === undefined ? undefined : (leaving(end, status, nowMs) ?? outcome(end, nowMs))
}

function underWay(generation: string, sinceMs: number, status: ManagerStatus, nowMs: number): ReloadProgress {
  const candidates = status.workers.filter(
    (worker) => worker.generation === generation && isCandidate(worker),
  )
  const ready = candidates.filter(({ state }) => state === 'standby').length
  const wanted = Math.max(status.wantedWorkers, candidates.length)
  const done = candidates.length === 0 ? 0.5 : 1 + ready
  const step = candidates.length === 0 ? 'reading and building' : `${ready} of ${wanted} workers are ready`
  const took = durationText(Math.max(0, nowMs - sinceMs))
  return {
    state: 'under way',
    text: `${shortGeneration(generation)} ${step}, ${took}`,
    share: Math.min(1, done / (wanted + OTHER_STEPS)),
  }
}

function isCandidate({ state }: WorkerStatus): boolean {
  return state === 'starting' || state === 'standby'
}

/** New requests go to the new code, and the workers before finish theirs. */
function leaving(
  end: ManagerEvent,
  { workers, generation }: ManagerStatus,
  nowMs: number,
): ReloadProgress | undefined {
  if (end.type !== 'generation-cut' || end.previous === null) return undefined
  const draining = workers.filter((each) => each.state === 'draining' && each.generation !== generation)
  if (draining.length === 0) return undefined
  const inFlight = draining.reduce((sum, each) => sum + each.inFlight, 0)
  const who = draining.length === 1 ? '1 worker before finishes' : `${draining.length} workers before finish`
  return {
    state: 'under way',
    text: `${shortGeneration(end.generation)} serves; ${who} ${inFlight} in flight, ${durationText(Math.max(0, nowMs - end.atMs))}`,
    share: 1,
  }
}

function outcome(end: ManagerEvent, nowMs: number): ReloadProgress | undefined {
  const agoMs = nowMs - end.atMs
  if (end.type === 'generation-cut' && end.previous !== null && agoMs < DONE_SHOWN_MS) {
    const change = `${shortGeneration(end.previous)} → ${shortGeneration(end.generation)}`
    return { state: 'done', text: `${change} in ${durationText(end.tookMs)}`, share: 1 }
  }
  if (end.type === 'generation-refused' && agoMs < REFUSED_SHOWN_MS) {
    const { refusal } = end
    const text = `${shortGeneration(refusal.generation)} refused: ${refusalMessage(refusal)}`
    return { state: 'refused', text, share: 0 }
  }
  return undefined
}

/** The last process that ended by itself, as a sentence. */
export function lastCrash(status: ManagerStatus, nowMs: number): string | undefined {
  const { crashes } = status
  if (crashes === null) return undefined
  const ago = durationText(Math.max(0, nowMs - crashes.atMs))
  const last = `worker ${crashes.slot} ${exitReasonText(crashes.reason)}, ${ago} ago`
  return crashes.count === 1 ? last : `${last}; ${crashes.count} ended lately`
}
