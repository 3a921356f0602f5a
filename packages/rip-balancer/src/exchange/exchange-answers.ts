import { FIELD } from '../http1/field-name.ts'
import { isKnownMethod } from '../http1/known-method.ts'
import type { RequestHead } from '../http1/request-head.ts'
import { ExchangeFacts } from './exchange-facts.ts'
import { statusOfFailure } from './failure.ts'
import type { FieldEdits } from '../forwarding/field-edits.ts'
import { askRequestHook } from './hook-calls.ts'
import { ALLOWED_METHODS, writeAnswer } from '../forwarding/local-answer.ts'
import type { EndCause } from './record.ts'
import type { LocalAnswer } from '../settings/hooks.ts'

/** What the balancer says itself in an exchange: answers that need no backend, and errors that name one. */
export abstract class ExchangeAnswers extends ExchangeFacts {
  /** Whether the client connection goes on after this exchange, as far as is known. */
  protected persists = false
  /** What the request hook changed. */
  protected edits: FieldEdits | undefined

  /** The response is complete; the client may have yet to take the rest of it. */
  protected abstract finish(cause: EndCause): void

  /** Answers what needs no backend: foreign hosts, unknown methods, declared bodies beyond the limit, hooks, and OPTIONS that may go no further. */
  protected answersItself(head: RequestHead): boolean {
    const { settings } = this.plane
    if (settings.hosts !== undefined && !settings.hosts.has(head.host))
      return this.answersForeignHost(head.host)
    if (settings.unknownMethods === 'refuse' && !isKnownMethod(head)) return this.refusesMethod()
    if (head.body.length > settings.limits.maxBodyBytes) return this.answersError(413, 'answered')
    if (head.isMethod('OPTIONS') && hopsAreUsedUp(head))
      return this.answers({ status: 200, headers: { Allow: ALLOWED_METHODS } })
    return settings.hooks.onRequest !== undefined && this.hookAnswers(head)
  }

  /** No response can be had from a backend. */
  protected fail(cause: EndCause): void {
    this.answersError(statusOfFailure(cause), cause)
  }

  protected answersError(status: number, cause: EndCause): true {
    const accept = this.readable?.text(FIELD.accept)
    const page = this.plane.settings.errorPages.render(status, this.requestId, accept)
    this.write(status, { 'Content-Type': page.contentType }, page.body)
    this.finish(cause)
    return true
  }

  private answersForeignHost(authority: string): true {
    const { errorPages, observer } = this.plane.settings
    observer.foreignHost(authority)
    // The next request may be allowed: connections that are open keep the settings they began with.
    this.persists = false
    const page = errorPages.renderForeignHost(authority, this.requestId, this.readable?.text(FIELD.accept))
    this.write(403, { 'Content-Type': page.contentType }, page.body)
    this.finish('answered')
    return true
  }

  protected connectionOption(): 'close' | 'keep-alive' | undefined {
    if (!this.persists) return 'close'
    return this.request?.minor === 0 ? 'keep-alive' : undefined
  }

  /** RFC 9110 §9.1. What follows is hardly better: the connection ends. */
  private refusesMethod(): true {
    this.persists = false
    return this.answersError(501, 'answered')
  }

  private hookAnswers(head: RequestHead): boolean {
    const { hooks, observer } = this.plane.settings
    const verdict = askRequestHook(hooks.onRequest!, head, this, (error) => observer.fault(error))
    if (verdict === undefined) return this.answersError(500, 'local-failure')
    this.edits = verdict.edits
    return verdict.answer !== undefined && this.answers(verdict.answer)
  }

  private answers(answer: LocalAnswer): true {
    this.write(answer.status, answer.headers ?? {}, answer.body ?? '')
    this.finish('answered')
    return true
  }

  private write(status: number, fields: Readonly<Record<string, string>>, body: string | Uint8Array): void {
    this.status = status
    if (!this.body.done || !this.client.mayPersist) this.persists = false
    const { requestId } = this
    const toHead = this.readable?.isHead === true
    const connection = this.connectionOption()
    writeAnswer(this.client.outbox, { status, fields, body, requestId, connection, toHead }, this.clock)
  }
}

/** Whether the request may not be passed on (RFC 9110 §7.6.2). */
function hopsAreUsedUp(head: RequestHead): boolean {
  const value = head.text(FIELD.maxForwards)
  return value !== undefined && /^0+$/.test(value)
}
