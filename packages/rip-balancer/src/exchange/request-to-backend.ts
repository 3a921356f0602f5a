import type { BackendAddress } from '../address/backend-address.ts'
import type { ClientIdentity, TrustedStatement } from '../forwarding/client-identity.ts'
import type { FieldEdits } from '../forwarding/field-edits.ts'
import type { OutgoingRequest } from '../forwarding/outgoing-request.ts'
import type { RequestRules } from '../forwarding/request-rules.ts'
import type { RequestHead } from '../http1/request-head.ts'
import type { Attempt } from './attempt.ts'
import type { ClientSide } from './client-side.ts'
import type { DataPlane } from './data-plane.ts'
import type { ExchangeContext } from './exchange-context.ts'
import type { ExchangeFacts } from './exchange-facts.ts'

/** The request of an exchange as the connection to its backend reads it. */
export class RequestToBackend implements OutgoingRequest {
  private readonly plane: DataPlane
  private readonly client: ClientSide
  private readonly facts: ExchangeFacts
  private readonly attempt: Attempt

  constructor({ plane, client, facts, attempt }: ExchangeContext) {
    this.plane = plane
    this.client = client
    this.facts = facts
    this.attempt = attempt
  }

  get head(): RequestHead {
    return this.facts.request!
  }

  get address(): BackendAddress {
    return this.attempt.backend!.address
  }

  get identity(): ClientIdentity {
    return this.client.identity
  }

  get statement(): TrustedStatement | undefined {
    return this.facts.statement
  }

  get requestId(): string | number {
    return this.facts.idOrNumber
  }

  get upgrade(): string | undefined {
    return this.client.upgrade
  }

  get takesTrailers(): boolean {
    return this.client.takesTrailers
  }

  get edits(): FieldEdits | undefined {
    return this.facts.edits
  }

  get rules(): RequestRules {
    return this.plane.requestRules
  }
}
