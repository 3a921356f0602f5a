import type { BackendAddress } from '../address/backend-address.ts'
import type { ClientIdentity, TrustedStatement } from '../forwarding/client-identity.ts'
import type { FieldEdits } from '../forwarding/field-edits.ts'
import type { OutgoingRequest } from '../forwarding/outgoing-request.ts'
import type { RequestRules } from '../forwarding/request-rules.ts'
import type { RequestHead } from '../http1/request-head.ts'
import { Attempt } from './attempt.ts'
import { BufferShare } from './buffer-budget.ts'
import type { ClientSide } from './client-side.ts'
import type { DataPlane } from './data-plane.ts'
import { ExchangeFacts } from './exchange-facts.ts'
import { Progress } from './progress.ts'
import { RequestBody } from './request-body.ts'

/**
 * What the parts of one exchange share: its client, its attempt at a backend, and what is known and kept of its request; so it is
 * also the request as the connection to a backend reads it. There is one for each stream of a client, so parts look
 * here for what they need, and have no reference of their own.
 */
export class ExchangeContext implements OutgoingRequest {
  readonly plane: DataPlane
  readonly client: ClientSide
  readonly body: RequestBody
  readonly facts: ExchangeFacts
  readonly attempt: Attempt
  readonly progress: Progress
  private ownShare: BufferShare | undefined = undefined
  private ownWindow: BufferShare | undefined = undefined

  constructor(plane: DataPlane, client: ClientSide) {
    this.plane = plane
    this.client = client
    this.body = new RequestBody(plane.settings.limits)
    this.facts = new ExchangeFacts(this)
    this.attempt = new Attempt(plane, this.facts)
    this.progress = new Progress(plane.turn.clock)
  }

  // --- memory for what has to wait, which most exchanges never need

  /** Of the memory for bytes that wait for slow clients. */
  get share(): BufferShare {
    this.ownShare ??= new BufferShare(this.plane.buffers)
    return this.ownShare
  }

  /** Of the same memory, for what the backend may send while the client does not read. */
  get window(): BufferShare {
    this.ownWindow ??= new BufferShare(this.plane.buffers)
    return this.ownWindow
  }

  /** Whether bytes wait for the client. */
  get usesShare(): boolean {
    return this.ownShare?.isUsed === true
  }

  freeShare(): void {
    this.ownShare?.free()
  }

  freeWindow(): void {
    this.ownWindow?.free()
  }

  // --- OutgoingRequest

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
