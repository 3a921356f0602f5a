import { ALLOWED_METHODS } from '../forwarding/local-answer.ts'
import { FIELD } from '../http1/field-name.ts'
import { isKnownMethod } from '../http1/known-method.ts'
import type { RequestHead } from '../http1/request-head.ts'
import type { LocalAnswer } from '../settings/hooks.ts'
import type { ErrorPage } from '../settings/error-pages.ts'
import type { DataPlane } from './data-plane.ts'
import type { ExchangeFacts } from './exchange-facts.ts'
import { statusOfFailure } from './failure.ts'
import { askRequestHook } from './hook-calls.ts'
import type { EndCause } from './record.ts'

/** A complete response of the balancer's own, and how the exchange ends with it. */
export interface Answer {
  readonly status: number
  readonly fields: Readonly<Record<string, string>>
  readonly body: string | Uint8Array
  readonly cause: EndCause
  /** The connection ends after it. */
  readonly closes?: boolean
}

/** What the balancer answers itself: requests that need no backend, and errors. */
export class Answers {
  private readonly plane: DataPlane
  private readonly facts: ExchangeFacts

  constructor(plane: DataPlane, facts: ExchangeFacts) {
    this.plane = plane
    this.facts = facts
  }

  /**
   * The answer to a request that needs no backend: one for a foreign host, with an unknown method, with a declared body
   * beyond the limit, an OPTIONS that may go no further, or one a hook answers. `undefined` for all others.
   */
  to(head: RequestHead): Answer | undefined {
    const { hosts, unknownMethods, limits, hooks } = this.plane.settings
    if (hosts !== undefined && !hosts.has(head.host)) return this.toForeignHost(head)
    // What follows an unknown method is hardly better (RFC 9110 §9.1): the connection ends.
    if (unknownMethods === 'refuse' && !isKnownMethod(head)) return this.error(501, 'answered', true)
    if (head.body.length > limits.maxBodyBytes) return this.error(413, 'answered')
    if (head.isMethod('OPTIONS') && hopsAreUsedUp(head))
      return { status: 200, fields: { Allow: ALLOWED_METHODS }, body: '', cause: 'answered' }
    return hooks.onRequest === undefined ? undefined : this.ofHook(head)
  }

  /** Says that no response can be had from a backend. */
  failure(cause: EndCause): Answer {
    return this.error(statusOfFailure(cause), cause)
  }

  error(status: number, cause: EndCause, closes = false): Answer {
    const { requestId, accept } = this.facts
    const page = this.plane.settings.errorPages.render(status, requestId, accept)
    return { ...pageAnswer(status, page), cause, closes }
  }

  /**
   * The next request may be allowed, but connections keep the settings they began with: this one ends. One of HTTP/2 goes on, as
   * browsers use it for each host that its certificate names: 421 has them ask on a connection of its own (RFC 9110 §15.5.20).
   */
  private toForeignHost({ host, major }: RequestHead): Answer {
    const { errorPages, observer } = this.plane.settings
    observer.foreignHost(host)
    const status = major === 2 ? 421 : 403
    const page = errorPages.renderForeignHost(status, host, this.facts.requestId, this.facts.accept)
    return { ...pageAnswer(status, page), cause: 'answered', closes: true }
  }

  private ofHook(head: RequestHead): Answer | undefined {
    const { hooks, observer } = this.plane.settings
    const verdict = askRequestHook(hooks.onRequest!, head, this.facts, (error) => observer.fault(error))
    if (verdict === undefined) return this.error(500, 'local-failure')
    this.facts.edits = verdict.edits
    return verdict.answer && hookAnswer(verdict.answer)
  }
}

function pageAnswer(
  status: number,
  { contentType, body }: ErrorPage,
): Pick<Answer, 'status' | 'fields' | 'body'> {
  return { status, fields: { 'Content-Type': contentType }, body }
}

function hookAnswer({ status, headers = {}, body = '' }: LocalAnswer): Answer {
  return { status, fields: headers, body, cause: 'answered' }
}

/** Whether the request may not be passed on (RFC 9110 §7.6.2). */
function hopsAreUsedUp(head: RequestHead): boolean {
  const value = head.text(FIELD.maxForwards)
  return value !== undefined && /^0+$/.test(value)
}
