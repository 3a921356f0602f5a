import type { Trailers } from '../forwarding/trailers.ts'
import type { ResponseHead } from '../http1/response-head.ts'
import type { PageScript } from '../page-script/page-script.ts'
import type { Ending } from './ending.ts'
import type { ExchangeContext } from './exchange-context.ts'
import { PageEdits, type Insertion } from './page-edits.ts'
import type { RequestRelay } from './request-relay.ts'
import { responseEditsOf } from './response-edits.ts'
import { ResponseRelay, type RespondingExchange } from './response-relay.ts'

/** The relay of exchanges; with page scripts one that puts them into pages. */
export function responseRelayOf(
  context: ExchangeContext,
  request: RequestRelay,
  ending: Ending,
  exchange: RespondingExchange,
): ResponseRelay {
  const { pageScript } = context.plane.settings
  if (pageScript === undefined)
    return new ResponseRelay(context, request, ending, exchange, responseEditsOf(context))
  return new PageRelay(context, request, ending, exchange, pageScript)
}

/** Passes pages on with a script in them, as their bytes come. */
class PageRelay extends ResponseRelay {
  private readonly page: PageEdits

  constructor(
    context: ExchangeContext,
    request: RequestRelay,
    ending: Ending,
    exchange: RespondingExchange,
    script: PageScript,
  ) {
    const page = new PageEdits(context, script)
    super(context, request, ending, exchange, page)
    this.page = page
  }

  override switching(response: ResponseHead): void {
    this.page.insertion = undefined
    super.switching(response)
  }

  override data(bytes: Buffer, from: number, to: number): void {
    const { insertion } = this.page
    if (insertion === undefined) return super.data(bytes, from, to)
    const { scanner, element } = insertion
    const finding = scanner.read(bytes, from, to)
    if (finding !== 'more') this.page.insertion = undefined
    const at = finding === 'found' ? scanner.at : scanner.end
    if (finding === 'found' && at < 0) super.data(element, 0, element.length)
    this.part(scanner.former, 0, scanner.formerBytes)
    const middle = Math.max(from, at)
    this.part(bytes, from, middle)
    if (finding === 'found' && at >= 0) super.data(element, 0, element.length)
    this.part(bytes, middle, scanner.end)
  }

  override complete(trailers: Trailers | undefined): void {
    const { insertion } = this.page
    this.page.insertion = undefined
    if (insertion !== undefined) this.finish(insertion)
    super.complete(trailers)
  }

  private finish({ scanner, element }: Insertion): void {
    const isPlace = scanner.finish()
    this.part(scanner.former, 0, scanner.formerBytes)
    if (isPlace) super.data(element, 0, element.length)
  }

  private part(bytes: Buffer, from: number, to: number): void {
    if (from < to) super.data(bytes, from, to)
  }
}
