import type { RequestHead } from './request-head.ts'

export type PageFormat = 'html' | 'json' | 'text'

/** The format of a page: HTML for browsers, JSON for programs that ask for it, text for others such as `curl`. */
export function acceptedFormat(request: Pick<RequestHead, 'headers'>): PageFormat {
  const accept = request.headers.get('accept') ?? ''
  if (accept.includes('text/html')) return 'html'
  if (/[/+]json\b/.test(accept)) return 'json'
  return /[/+]json\b/.test(request.headers.get('content-type') ?? '') ? 'json' : 'text'
}

const contentTypes: Readonly<Record<PageFormat, string>> = {
  html: 'text/html; charset=utf-8',
  json: 'application/json',
  text: 'text/plain; charset=utf-8',
}

/** A page about a failure, never kept by a cache. */
export function pageResponse(format: PageFormat, body: string, status: number): Response {
  return new Response(body, {
    status,
    headers: { 'content-type': contentTypes[format], 'cache-control': 'no-store' },
  })
}
