import { ejectionText } from './ejection.ts'
import { addressText } from '../address/backend-address.ts'
import type { PooledBackend } from './pooled-backend.ts'
import type { AnswerCounts } from '../answers/recent-answers.ts'

export interface BackendStatus {
  readonly id: string
  readonly address: string
  readonly generation: string | null
  readonly state: 'serving' | 'prepared' | 'leaving' | 'ejected' | 'unhealthy' | 'drained'
  /** Why it takes nothing new, or less: what its health check said, why it was put aside, who drained it. */
  readonly reason: string | null
  /** Requests it works on, without what follows. */
  readonly inFlight: number
  /** WebSockets and other upgraded connections. */
  readonly tunnels: number
  readonly eventStreams: number
  /** Open connections of HTTP/2, which requests share. */
  readonly lanes: number
  /** Requests under way on them. */
  readonly laneStreams: number
  readonly maxInFlight: number
  readonly weight: number
  readonly requests: number
  readonly failures: number
  /** Answers of the last minute. */
  readonly answers: AnswerCounts
}

export interface PoolStatus {
  readonly name: string
  readonly generation: string | null
  readonly queued: number
  /** Requests at backends, without what follows. */
  readonly inFlight: number
  readonly tunnels: number
  readonly eventStreams: number
  /** Open connections of HTTP/2 to backends. */
  readonly lanes: number
  /** Requests under way on them. */
  readonly laneStreams: number
  readonly ejections: number
  readonly backends: readonly BackendStatus[]
}

/** What is known of a pool beside its backends. */
interface PoolFacts {
  readonly name: string
  readonly generation: string | undefined
  readonly queued: number
  readonly inFlight: number
  readonly ejections: number
}

/** A pool as the admin API shows it. */
export function poolStatus(facts: PoolFacts, backends: readonly PooledBackend[]): PoolStatus {
  return {
    name: facts.name,
    generation: facts.generation ?? null,
    queued: facts.queued,
    inFlight: facts.inFlight,
    tunnels: backends.reduce((count, { held }) => count + held.tunnel, 0),
    eventStreams: backends.reduce((count, { held }) => count + held['event-stream'], 0),
    lanes: backends.reduce((count, { lanes }) => count + (lanes?.open ?? 0), 0),
    laneStreams: backends.reduce((count, { lanes }) => count + (lanes?.streams ?? 0), 0),
    ejections: facts.ejections,
    backends: backends.map((backend) => backendStatus(backend, facts.generation)),
  }
}

/** @param serving the generation in rotation */
function backendStatus(backend: PooledBackend, serving: string | undefined): BackendStatus {
  return {
    id: backend.id,
    address: addressText(backend.address),
    generation: backend.generation ?? null,
    state: stateOf(backend, serving),
    reason: reasonOf(backend),
    inFlight: backend.inFlight,
    tunnels: backend.held.tunnel,
    eventStreams: backend.held['event-stream'],
    lanes: backend.lanes?.open ?? 0,
    laneStreams: backend.lanes?.streams ?? 0,
    maxInFlight: backend.maxInFlight,
    weight: backend.weight,
    requests: backend.requests,
    failures: backend.failures,
    answers: backend.answers.read(),
  }
}

function stateOf(backend: PooledBackend, serving: string | undefined): BackendStatus['state'] {
  if (backend.leaving) return 'leaving'
  if (backend.drainedBy !== undefined) return 'drained'
  if (!backend.healthy) return 'unhealthy'
  if (backend.ejection !== undefined) return 'ejected'
  return backend.generation === serving ? 'serving' : 'prepared'
}

function reasonOf({ leaving, drainedBy, healthy, illness, ejection }: PooledBackend): string | null {
  if (leaving) return null
  if (drainedBy !== undefined) return `drained by ${drainedBy}`
  if (!healthy) return `health check failed: ${illness ?? 'for an unknown reason'}`
  return ejection === undefined ? null : ejectionText(ejection.reason, ejection.detail)
}
