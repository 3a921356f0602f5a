import { FieldEdits } from '../forwarding/field-edits.ts'
import type { ResponseHead } from '../http1/response-head.ts'
import type { Attempt } from './attempt.ts'
import type { BufferShare } from './buffer-budget.ts'
import type { ClientSide } from './client-side.ts'
import type { DataPlane } from './data-plane.ts'
import type { ExchangeFacts } from './exchange-facts.ts'
import { callResponseHook } from './hook-calls.ts'

/** Passes the response of a backend on to the client, at the pace of the client. */
export class ResponseRelay {
  private readonly plane: DataPlane
  private readonly client: ClientSide
  private readonly facts: ExchangeFacts
  private readonly attempt: Attempt
  private readonly share: BufferShare

  /** @param share of the buffers for bytes that wait for slow clients */
  constructor(
    plane: DataPlane,
    client: ClientSide,
    facts: ExchangeFacts,
    attempt: Attempt,
    share: BufferShare,
  ) {
    this.plane = plane
    this.client = client
    this.facts = facts
    this.attempt = attempt
    this.share = share
  }

  /** Opens the tunnel the client asked for. */
  switching(response: ResponseHead): void {
    this.learn(response)
    this.noteHead(101)
    this.client.switching(response, this.cookie())
  }

  /** Passes the head of the final response on. @param edits of `editsTo` */
  head(response: ResponseHead, edits: FieldEdits | undefined): void {
    this.noteHead(response.status)
    const id = this.plane.settings.forwarding.exposeRequestId ? this.facts.idOrNumber : undefined
    this.client.head(response, id, edits)
  }

  data(bytes: Buffer, from: number, to: number): void {
    this.client.data(bytes, from, to)
    if (this.client.waiting > 0 && !this.mayBuffer()) this.attempt.upstream?.pause()
  }

  /** Reads on from a backend that waits for the client, if what it has to say can be kept for the client meanwhile. */
  resumeIfBuffered(): void {
    const { upstream } = this.attempt
    if (upstream?.isPaused === true && this.mayBuffer()) upstream.resume()
  }

  /** What the sticky cookie and the response hook add to a head. @returns `null` when the hook threw */
  editsTo(response: ResponseHead): FieldEdits | undefined | null {
    this.learn(response)
    const { hooks, observer, sticky } = this.plane.settings
    const { onResponse } = hooks
    if (onResponse === undefined && sticky === undefined) return undefined
    const edits = new FieldEdits(response)
    const cookie = this.cookie()
    if (cookie !== undefined) edits.append('Set-Cookie', cookie)
    if (onResponse === undefined) return edits
    const isDone = callResponseHook(onResponse, response, edits, this.facts, (error) => observer.fault(error))
    return isDone ? edits : null
  }

  private noteHead(status: number): void {
    this.facts.status = status
    this.facts.responseMs = this.attempt.ageMs
  }

  private learn(response: ResponseHead): void {
    const { learned } = this.plane.settings
    if (learned !== undefined) learned.learnFrom(new FieldEdits(response), this.attempt.backend!)
  }

  private cookie(): string | undefined {
    return this.plane.settings.sticky?.valueFor(this.attempt.backend!, this.facts)
  }

  /** Whether the backend may go on while the client does not: if the rest of the response fits, it is free the sooner. */
  private mayBuffer(): boolean {
    if (this.attempt.isHeld) return false
    const { waiting } = this.client
    const whole = waiting + (this.attempt.upstream?.announcedBytes ?? 0)
    if (whole > this.plane.settings.limits.maxResponseBufferBytes) return false
    return this.plane.claims.isPressed && this.share.growTo(waiting)
  }
}
