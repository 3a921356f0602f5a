import { FieldEdits } from '../forwarding/field-edits.ts'
import type { ResponseHead } from '../http1/response-head.ts'
import type { Attempt } from './attempt.ts'
import type { DataPlane } from './data-plane.ts'
import type { ExchangeContext } from './exchange-context.ts'
import type { ExchangeFacts } from './exchange-facts.ts'
import { callResponseHook } from './hook-calls.ts'

/** The edits of an exchange, if settings ask for any. */
export function responseEditsOf(context: ExchangeContext): ResponseEdits | undefined {
  const { sticky, learned, hooks } = context.plane.settings
  if (sticky === undefined && learned === undefined && hooks.onResponse === undefined) return undefined
  return new ResponseEdits(context)
}

/** What settings do with the head of a response: policies that bind a client to a backend, and the response hook. */
export class ResponseEdits {
  private readonly plane: DataPlane
  private readonly facts: ExchangeFacts
  private readonly attempt: Attempt

  constructor({ plane, facts, attempt }: ExchangeContext) {
    this.plane = plane
    this.facts = facts
    this.attempt = attempt
  }

  /** Value of the `Set-Cookie` that binds the client to the backend, if one does. */
  get cookie(): string | undefined {
    return this.plane.settings.sticky?.valueFor(this.attempt.backend!, this.facts)
  }

  /** Remembers which backend the value of the learned field came from. */
  learn(response: ResponseHead): void {
    const { learned } = this.plane.settings
    if (learned !== undefined) learned.learnFrom(new FieldEdits(response), this.attempt.backend!)
  }

  /** What the sticky cookie and the response hook add to a head. @returns `'hook-threw'` when it did */
  to(response: ResponseHead): FieldEdits | undefined | 'hook-threw' {
    this.learn(response)
    const { hooks, observer, sticky } = this.plane.settings
    const { onResponse } = hooks
    if (onResponse === undefined && sticky === undefined) return undefined
    const edits = new FieldEdits(response)
    const { cookie } = this
    if (cookie !== undefined) edits.append('Set-Cookie', cookie)
    if (onResponse === undefined) return edits
    const isDone = callResponseHook(onResponse, response, edits, this.facts, (error) => observer.fault(error))
    return isDone ? edits : 'hook-threw'
  }
}
