import { UNIX_PEER } from '../forwarding/client-identity.ts'
import type { Attempt } from './attempt.ts'
import type { DataPlane } from './data-plane.ts'
import type { ExchangeContext } from './exchange-context.ts'
import type { ExchangeFacts } from './exchange-facts.ts'

/**
 * A client that has ended its side of the connection. Most clients that do so have left: a backend that is told can
 * stop working for them.
 */
export class Departure {
  private readonly plane: DataPlane
  private readonly facts: ExchangeFacts
  private readonly attempt: Attempt

  constructor({ plane, facts, attempt }: ExchangeContext) {
    this.plane = plane
    this.facts = facts
    this.attempt = attempt
  }

  /** The backend has the whole request, and so it knows what it may be told of. */
  requestSent(): void {
    if (this.plane.settings.halfClose !== 'tell') return
    const { requestId, clientAddress, clientPort: port } = this.facts
    const address = clientAddress === UNIX_PEER ? '-' : clientAddress
    this.plane.departures.tell(this.attempt.backend!, { requestId, address, port })
  }
}
