import { RequestHead } from '../http1/request-head.ts'
import type { Claims } from '../pool/claim.ts'
import { Upstreams } from '../upstream/upstreams.ts'
import { RequestWriter } from './request-writer.ts'
import { ResponseWriter } from './response-writer.ts'
import type { DataPlaneSettings } from './settings.ts'

const MAX_SPARE_HEADS = 256

/** What all exchanges of a balancer share. */
export class DataPlane {
  readonly settings: DataPlaneSettings
  readonly claims: Claims
  readonly upstreams: Upstreams
  readonly requests: RequestWriter
  readonly responses: ResponseWriter
  private readonly spareHeads: RequestHead[] = []

  constructor(settings: DataPlaneSettings, claims: Claims) {
    const { limits, timeouts, forwarding, observer } = settings
    const head = {
      ...limits,
      maxLineBytes: limits.maxResponseHeadBytes,
      maxHeadBytes: limits.maxResponseHeadBytes,
    }
    const upstreamLimits = {
      head,
      maxInterimResponses: limits.maxInterimResponses,
      idleMs: timeouts.upstreamIdleMs,
    }
    this.settings = settings
    this.claims = claims
    this.upstreams = new Upstreams(upstreamLimits, limits.maxIdlePerBackend, observer)
    this.requests = new RequestWriter(forwarding)
    this.responses = new ResponseWriter(forwarding.via)
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
