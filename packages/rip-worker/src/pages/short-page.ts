import { type PageFormat, pageResponse } from './accepted-format.ts'
import { escapeHtml } from './escape-html.ts'

/** The page of production: it says that something failed, with the identifier under which the log has the details. */
export function shortPage(format: PageFormat, id: string): Response {
  return pageResponse(format, bodies[format](id), 500)
}

const bodies: Readonly<Record<PageFormat, (id: string) => string>> = {
  html: (id) =>
    '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">' +
    '<title>Internal Server Error</title>' +
    '<style>:root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;max-width:34rem;margin:20vh auto;padding:0 1rem}</style>' +
    '<h1>Something went wrong</h1><p>The server could not answer this request. The details are in its log.</p>' +
    `<p>Request <code>${escapeHtml(id)}</code></p></html>\n`,
  json: (id) => `${JSON.stringify({ error: 'Internal Server Error', requestId: id })}\n`,
  text: (id) => `Internal Server Error\nrequest ${id}\n`,
}
