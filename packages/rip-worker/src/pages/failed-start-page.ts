import { acceptedFormat, type PageFormat, pageResponse } from './accepted-format.ts'
import { ERROR_PAGE_STYLE } from './error-page-style.ts'
import { escapeHtml } from './escape-html.ts'
import { frameHtml } from './frame-html.ts'
import { pathOf, type RequestHead } from './request-head.ts'

/** Why an application does not serve yet, as plain text. */
export interface FailedStart {
  /** One sentence. */
  readonly message: string
  /** Excerpt of the source, or the last output of the application. @default none */
  readonly detail?: string | undefined
}

const LOOK_AGAIN_SECONDS = 2

/** The page of development for an application that has not started: browsers reload it until the application serves. */
export function failedStartPage(failed: FailedStart, request: RequestHead): Response {
  const format = acceptedFormat(request)
  const response = pageResponse(format, bodies[format](failed, request), 503)
  response.headers.set('retry-after', String(LOOK_AGAIN_SECONDS))
  return response
}

const bodies: Readonly<Record<PageFormat, (failed: FailedStart, request: RequestHead) => string>> = {
  html: htmlBody,
  json: ({ message }) => `${JSON.stringify({ error: 'Service Unavailable', reason: message })}\n`,
  text: ({ message }) => `Service Unavailable: ${message}\n`,
}

function htmlBody({ message, detail }: FailedStart, request: RequestHead): string {
  return (
    '<!doctype html><html lang="en"><head><meta charset="utf-8">' +
    '<meta name="viewport" content="width=device-width,initial-scale=1">' +
    `<meta http-equiv="refresh" content="${LOOK_AGAIN_SECONDS}">` +
    `<title>${escapeHtml(message)}</title><style>${ERROR_PAGE_STYLE}</style></head><body><main>` +
    `<p class="request"><b>${escapeHtml(request.method)}</b> ${escapeHtml(pathOf(request))}<span>503</span></p>` +
    `<section><p class="name">The application does not start</p><h1>${escapeHtml(message)}</h1>` +
    `${detail === undefined || detail === '' ? '' : frameHtml(detail, undefined)}</section>` +
    '<p class="cause">Waiting for a file to change; this page looks again by itself.</p></main></body></html>\n'
  )
}
