import { FieldEdits } from '../forwarding/field-edits.ts'
import type { RequestHead } from '../http1/request-head.ts'
import { isNavigation } from '../page-script/navigation.ts'
import type { DataPlane } from './data-plane.ts'
import { Answers, type Answer } from './answers.ts'
import type { ExchangeFacts } from './exchange-facts.ts'
import type { EndCause } from './record.ts'

/** The answers of exchanges; with page scripts those that make room for them. */
export function answersOf(plane: DataPlane, facts: ExchangeFacts): Answers {
  return new (plane.settings.pageScript === undefined ? Answers : PageAnswers)(plane, facts)
}

/** In addition has the backend send pages in such a way that a script can be put into them, and puts it into error pages. */
class PageAnswers extends Answers {
  private readonly pages: DataPlane
  private readonly navigation: ExchangeFacts

  constructor(plane: DataPlane, facts: ExchangeFacts) {
    super(plane, facts)
    this.pages = plane
    this.navigation = facts
  }

  override to(head: RequestHead): Answer | undefined {
    const answer = super.to(head)
    if (answer === undefined && isNavigation(head)) this.askForPage(head)
    return answer
  }

  /** A browser that shows an error page learns when it can load the page again. */
  override error(status: number, cause: EndCause, closes?: boolean): Answer {
    const answer = super.error(status, cause, closes)
    const { request, method } = this.navigation
    if (request?.hasRequestLine !== true || !isNavigation(request)) return answer
    const element = this.pages.settings.pageScript!.element({
      generation: undefined,
      method,
      nonce: undefined,
    })
    return {
      ...answer,
      body: answer.body.toString().replace(/<html[^>]*>/, (tag) => tag + element.toString()),
    }
  }

  /**
   * Nothing can be put into a compressed page, nor into one that the browser keeps, which would be told to be of the
   * generation that made it.
   */
  private askForPage(head: RequestHead): void {
    const edits = (this.navigation.edits ??= new FieldEdits(head))
    edits.set('accept-encoding', 'identity')
    edits.delete('if-none-match')
    edits.delete('if-modified-since')
  }
}
