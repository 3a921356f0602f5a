import { Attempt } from './attempt.ts'
import { BufferShare } from './buffer-budget.ts'
import type { ClientSide } from './client-side.ts'
import type { DataPlane } from './data-plane.ts'
import { ExchangeFacts } from './exchange-facts.ts'
import { Progress } from './progress.ts'
import { RequestBody } from './request-body.ts'

/** What the parts of one exchange share: its client, its attempt at a backend, and what is known and kept of its request. */
export class ExchangeContext {
  readonly plane: DataPlane
  readonly client: ClientSide
  readonly body: RequestBody
  readonly facts: ExchangeFacts
  readonly attempt: Attempt
  readonly progress: Progress
  /** Of the memory for bytes that wait for slow clients. */
  readonly share: BufferShare
  /** Of the same memory, for what the backend may send while the client does not read. */
  readonly window: BufferShare

  constructor(plane: DataPlane, client: ClientSide) {
    this.plane = plane
    this.client = client
    this.body = new RequestBody(plane.settings.limits)
    this.facts = new ExchangeFacts(plane, client, this.body)
    this.attempt = new Attempt(plane, this.facts)
    this.progress = new Progress(plane.turn.clock)
    this.share = new BufferShare(plane.buffers)
    this.window = new BufferShare(plane.buffers)
  }
}
