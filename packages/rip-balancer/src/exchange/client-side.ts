import type { Outbox } from '../transport/outbox.ts'
import type { ClientIdentity } from '../forwarding/client-identity.ts'

/** What an exchange needs of the connection its client is on. */
export interface ClientSide {
  readonly outbox: Outbox
  readonly identity: ClientIdentity
  /** Whether the connection may serve another request after this one. */
  readonly mayPersist: boolean
  /** The exchange can take body or tunnel bytes (again): hand over what was held back, go on reading. */
  inputWanted(): void
  /** Do not read for now. */
  inputRefused(): void
  /** The exchange has become a tunnel or an event stream. */
  exchangeLasts(): void
  /** The exchange is over and recorded. @param persists whether the next request may follow */
  exchangeEnded(persists: boolean): void
  /** The response cannot be completed: close so that the client sees that. @param reset when FIN would look like its end */
  cut(reset: boolean): void
  /** Nothing more is sent in the tunnel. */
  shutdown(): void
}
