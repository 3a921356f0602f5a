import type { Claims } from '../pool/claim.ts'

/** Share of all places at backends that slow clients may keep while requests wait. */
const MAX_SHARE = 0.5
/** No client loses its exchange for less: two looks at the clock behind the one that found it waited for, a good round trip. */
const GRACE_MS = 150

/** A client that may keep a backend waiting. */
export interface SlowClient {
  readonly clientAddress: string
  /** Whether a backend that others could use does nothing but wait for this client. */
  readonly keepsBackend: boolean
  /** How far it is behind the pace expected of it. */
  readonly lagMs: number
  /** Gives its place away: the exchange fails. */
  giveWay(): void
}

/**
 * Sees to it that slow clients never have all backends: while requests wait, those that are behind may keep half of the
 * places, and of the others those leave first that are furthest behind. A slow client is not known before it is slow,
 * so the alternative is to let all requests wait for as long as the limits for a single client allow.
 */
export class SlowClients {
  private readonly claims: Claims
  private readonly watched = new Set<SlowClient>()

  constructor(claims: Claims) {
    this.claims = claims
  }

  /** Looks at this client until it keeps no backend any longer. */
  watch(client: SlowClient): void {
    this.watched.add(client)
  }

  /** Cuts as many as it takes, and no more than there are requests waiting. */
  makeWay(): void {
    const { claims, watched } = this
    for (const client of watched) if (!client.keepsBackend) watched.delete(client)
    if (watched.size === 0 || claims.queued === 0) return
    const behind = [...watched].filter(({ lagMs }) => lagMs > 0)
    const excess = behind.length - Math.max(1, Math.floor(claims.capacity * MAX_SHARE))
    if (excess <= 0) return
    const late = inOrderOfLeaving(behind).filter(({ lagMs }) => lagMs >= GRACE_MS)
    for (const client of late.slice(0, Math.min(excess, claims.queued))) client.giveWay()
  }
}

/** The address that keeps most gives first, so that a client alone at its address is the last to leave for the slowness of others. */
function inOrderOfLeaving(clients: SlowClient[]): SlowClient[] {
  const countOf = new Map<string, number>()
  const rankOf = new Map<SlowClient, number>()
  for (const client of clients.sort((a, b) => a.lagMs - b.lagMs)) {
    const rank = (countOf.get(client.clientAddress) ?? 0) + 1
    countOf.set(client.clientAddress, rank)
    rankOf.set(client, rank)
  }
  return clients.sort((a, b) => rankOf.get(b)! - rankOf.get(a)! || b.lagMs - a.lagMs)
}
