import { UNIX_PEER } from '../forwarding/client-identity.ts'
import type { Attempt } from './attempt.ts'
import type { DataPlane } from './data-plane.ts'
import type { ExchangeContext } from './exchange-context.ts'
import type { ExchangeFacts } from './exchange-facts.ts'

/**
 * Whether the client has ended its side of the connection. Most clients that do so have left: a backend that is told can
 * stop working for them.
 */
export class Departure {
  private isNoted = false
  private readonly plane: DataPlane
  private readonly facts: ExchangeFacts
  private readonly attempt: Attempt

  constructor({ plane, facts, attempt }: ExchangeContext) {
    this.plane = plane
    this.facts = facts
    this.attempt = attempt
  }

  /** Forgets the previous request. */
  reset(): void {
    this.isNoted = false
  }

  /** The client has ended its side. */
  note(): void {
    if (this.isNoted) return
    this.isNoted = true
    if (this.attempt.upstream?.requestComplete === true) this.tell()
  }

  /** The backend has the whole request, and so it knows what it may be told of. */
  requestSent(): void {
    if (this.isNoted) this.tell()
  }

  private tell(): void {
    if (this.plane.settings.halfClose !== 'tell') return
    const { requestId, clientAddress, clientPort: port } = this.facts
    const address = clientAddress === UNIX_PEER ? '-' : clientAddress
    this.plane.departures.tell(this.attempt.backend!, { requestId, address, port })
  }
}
