import { FieldEdits } from '../forwarding/field-edits.ts'
import type { ResponseHead } from '../http1/response-head.ts'
import { HeadScanner } from '../page-script/head-scanner.ts'
import { isNavigation } from '../page-script/navigation.ts'
import type { PageScript } from '../page-script/page-script.ts'
import { scriptPermission } from '../page-script/script-permission.ts'
import type { ExchangeContext } from './exchange-context.ts'
import type { ExchangeFacts } from './exchange-facts.ts'
import { ResponseEdits } from './response-edits.ts'

const PARTIAL_CONTENT = 206

/** Fields that describe bytes which the page does not have any more, and by which a browser would ask for them again. */
const OF_THE_BYTES = [
  'etag',
  'accept-ranges',
  'last-modified',
  'content-md5',
  'content-digest',
  'repr-digest',
  'digest',
]

/** A script on its way into the page that is being answered. */
export interface Insertion {
  readonly element: Buffer
  readonly scanner: HeadScanner
}

/** In addition decides whether a response is a page that gets the script, and changes its head accordingly. */
export class PageEdits extends ResponseEdits {
  /** What is put into the body of the response; `undefined` passes it on as it is. */
  insertion: Insertion | undefined
  private readonly script: PageScript
  private readonly request: ExchangeFacts

  constructor(context: ExchangeContext, script: PageScript) {
    super(context)
    this.script = script
    this.request = context.facts
  }

  override to(response: ResponseHead): FieldEdits | undefined | 'hook-threw' {
    this.insertion = undefined
    const edits = super.to(response)
    if (edits === 'hook-threw' || !isNavigation(this.request.request!)) return edits
    const all = edits ?? new FieldEdits(response)
    return isPage(response, all) ? this.toPage(all) : edits
  }

  private toPage(edits: FieldEdits): FieldEdits {
    const { host, target, generation, method } = this.request
    const permission = scriptPermission(edits.values('content-security-policy'), host)
    if (!permission.allowed) {
      this.script.forbidden(target, permission.directive)
      return edits
    }
    this.insertion = {
      element: this.script.element({ generation, method, nonce: permission.nonce }),
      scanner: new HeadScanner(),
    }
    for (const name of OF_THE_BYTES) edits.delete(name)
    edits.changesLength = true
    edits.append('Vary', 'Sec-Fetch-Dest')
    return edits
  }
}

function isPage(response: ResponseHead, edits: FieldEdits): boolean {
  if (response.status < 200 || response.status === PARTIAL_CONTENT) return false
  if (!/^text\/html[\t ]*(?:;|$)/i.test(edits.get('content-type') ?? '')) return false
  if ((edits.get('content-encoding') ?? 'identity').toLowerCase() !== 'identity') return false
  if (/^attachment\b/i.test(edits.get('content-disposition') ?? '')) return false
  return !/\bno-transform\b/i.test(edits.get('cache-control') ?? '')
}
