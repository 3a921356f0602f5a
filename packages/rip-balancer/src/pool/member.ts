import type { Backend, BackendAddress } from './claim.ts'

/** What is declared about a backend; the rest has defaults. */
export interface MemberSpec {
  readonly id: string
  readonly address: BackendAddress
  readonly maxInFlight: number
  /** Relative share of requests; 0 takes no new ones. */
  readonly weight: number
}

/** A backend with what the pool knows about it. Only the pool and its policies change it. */
export class Member implements Backend {
  readonly id: string
  readonly address: BackendAddress
  readonly generation: string | undefined
  maxInFlight: number
  weight: number
  inFlight = 0
  /** Requests given to it since it joined. */
  requests = 0
  failures = 0
  /** No longer declared: takes nothing new and is forgotten when nothing is in flight. */
  leaving = false
  /** Result of active health checks; `true` without any. */
  healthy = true
  /** When it was put into rotation, for slow start. */
  joinedAtMs = 0
  consecutiveFailures = 0
  ejections = 0
  /** Put aside until then; 0 when it is not. */
  ejectedUntilMs = 0
  /** Credit of the smooth weighted policy. */
  credit = 0

  constructor(spec: MemberSpec, generation: string | undefined) {
    this.id = spec.id
    this.address = spec.address
    this.maxInFlight = spec.maxInFlight
    this.weight = spec.weight
    this.generation = generation
  }

  /** Whether the specification names the same server. */
  matches(spec: MemberSpec): boolean {
    return this.id === spec.id && addressText(this.address) === addressText(spec.address)
  }

  /** Takes over what may change while it serves. */
  update(spec: MemberSpec): void {
    this.maxInFlight = spec.maxInFlight
    this.weight = spec.weight
  }
}

/** `unix:/path`, `host:port` or `[v6]:port`. */
export function addressText(address: BackendAddress): string {
  if (address.kind === 'unix') return `unix:${address.path}`
  return address.host.includes(':') ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`
}
