import { ejectionText } from './ejection.ts'
import { addressText, type Member } from './member.ts'

export interface MemberSnapshot {
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
  readonly maxInFlight: number
  readonly weight: number
  readonly requests: number
  readonly failures: number
}

export interface PoolSnapshot {
  readonly name: string
  readonly generation: string | null
  readonly queued: number
  /** Requests at backends, without what follows. */
  readonly inFlight: number
  readonly tunnels: number
  readonly eventStreams: number
  readonly ejections: number
  readonly backends: readonly MemberSnapshot[]
}

/** A member as the admin API shows it. @param serving the generation in rotation */
export function describeMember(member: Member, serving: string | undefined): MemberSnapshot {
  return {
    id: member.id,
    address: addressText(member.address),
    generation: member.generation ?? null,
    state: stateOf(member, serving),
    reason: reasonOf(member),
    inFlight: member.inFlight,
    tunnels: member.held.tunnel,
    eventStreams: member.held['event-stream'],
    maxInFlight: member.maxInFlight,
    weight: member.weight,
    requests: member.requests,
    failures: member.failures,
  }
}

function stateOf(member: Member, serving: string | undefined): MemberSnapshot['state'] {
  if (member.leaving) return 'leaving'
  if (member.drainedBy !== undefined) return 'drained'
  if (!member.healthy) return 'unhealthy'
  if (member.ejection !== undefined) return 'ejected'
  return member.generation === serving ? 'serving' : 'prepared'
}

function reasonOf({ leaving, drainedBy, healthy, illness, ejection }: Member): string | null {
  if (leaving) return null
  if (drainedBy !== undefined) return `drained by ${drainedBy}`
  if (!healthy) return `health check failed: ${illness ?? 'for a reason nobody told'}`
  return ejection === undefined ? null : ejectionText(ejection.reason, ejection.detail)
}
