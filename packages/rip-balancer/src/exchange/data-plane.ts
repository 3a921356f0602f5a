import { RequestHead } from '../http1/request-head.ts'
import type { Claims } from '../pool/claim.ts'
import type { UpstreamLimits } from '../upstream/upstream-connection.ts'
import { DepartureNotices } from '../upstream/departure-notices.ts'
import { Turn } from '../transport/turn.ts'
import { Upstreams } from '../upstream/upstreams.ts'
import { BufferBudget } from './buffer-budget.ts'
import { ConnectionCounts } from './connection-counts.ts'
import { LongLivedCounts } from './long-lived-counts.ts'
import { RequestRules } from '../forwarding/request-rules.ts'
import { ResponseWriter } from '../forwarding/response-writer.ts'
import type { DataPlaneSettings } from './settings.ts'
import { SlowClients } from './slow-clients.ts'

const MAX_SPARE_HEADS = 256

/** What all exchanges of a balancer share. */
export class DataPlane {
  readonly settings: DataPlaneSettings
  readonly claims: Claims
  readonly turn: Turn
  readonly upstreams: Upstreams
  readonly departures: DepartureNotices
  readonly buffers: BufferBudget
  readonly connections: ConnectionCounts
  readonly longLived: LongLivedCounts
  readonly slowClients: SlowClients
  /** A secret, so that a client cannot choose paths that share a number with others. */
  readonly kindSeed: number
  readonly requestRules: RequestRules
  readonly responses: ResponseWriter
  private readonly spareHeads: RequestHead[] = []

  /** @param previous the data plane this one replaces: its connections, its counts, its buffers and its slow clients are taken over */
  constructor(settings: DataPlaneSettings, claims: Claims, previous?: DataPlane) {
    const { limits, forwarding, observer } = settings
    this.settings = settings
    this.claims = claims
    this.turn = previous?.turn ?? new Turn()
    this.upstreams = previous?.upstreams ?? new Upstreams(limits.maxIdlePerBackend, observer, this.turn)
    this.upstreams.configure(upstreamLimits(settings), settings.backendTls, settings.workerProtocol)
    this.departures = previous?.departures ?? new DepartureNotices()
    this.buffers = previous?.buffers ?? new BufferBudget()
    this.buffers.maxBytes = limits.maxBufferedBytes
    this.connections = previous?.connections ?? new ConnectionCounts()
    this.longLived = previous?.longLived ?? new LongLivedCounts(this.connections)
    this.slowClients = previous?.slowClients ?? new SlowClients(claims)
    this.kindSeed = previous?.kindSeed ?? crypto.getRandomValues(new Uint32Array(1))[0]!
    this.requestRules = new RequestRules(forwarding, (name) => observer.underscored(name))
    this.responses = new ResponseWriter(forwarding.via, this.turn.clock)
  }

  /** A head to read a request with; only connections with a request have one, which keeps idle ones small. */
  borrowHead(): RequestHead {
    return this.spareHeads.pop() ?? new RequestHead(this.settings.limits)
  }

  returnHead(head: RequestHead): void {
    head.reset()
    if (this.spareHeads.length < MAX_SPARE_HEADS) this.spareHeads.push(head)
  }
}

function upstreamLimits({ limits, timeouts }: DataPlaneSettings): UpstreamLimits {
  const maxBytes = limits.maxResponseHeadBytes
  return {
    head: { ...limits, maxLineBytes: maxBytes, maxHeadBytes: maxBytes },
    maxInterimResponses: limits.maxInterimResponses,
    idleMs: timeouts.upstreamIdleMs,
  }
}
