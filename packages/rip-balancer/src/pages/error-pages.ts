import { hostName } from '../config/allowed-hosts.ts'
import { REASONS } from '../http1/reason-phrases.ts'
import type { ErrorPage, ErrorPages } from '../settings/error-pages.ts'

/** What a person can do about it. */
const ADVICE: Readonly<Record<number, string>> = {
  400: 'The request was not understood.',
  408: 'The request took too long to arrive.',
  413: 'The request is larger than this server accepts.',
  414: 'The address is longer than this server accepts.',
  431: 'The header fields of the request are larger than this server accepts.',
  501: 'The method or the transfer coding of the request is not known here.',
  502: 'The application did not give a usable answer.',
  503: 'The application is busy or being restarted. Trying again in a moment will probably help.',
  504: 'The application took too long to answer.',
}

/** Pages for answers that come from the balancer itself: HTML for browsers, JSON for programs, else text. */
export const errorPages: ErrorPages = {
  render(status: number, requestId: string, accept: string | undefined): ErrorPage {
    const title = REASONS[status] ?? process.getBuiltinModule('node:http').STATUS_CODES[status] ?? 'Error'
    return page({ status, title, text: ADVICE[status] ?? `${title}.`, requestId }, accept)
  },
  renderForeignHost(
    status: 403 | 421,
    authority: string,
    requestId: string,
    accept: string | undefined,
  ): ErrorPage {
    return page({ status, title: REASONS[status]!, text: foreignHostText(authority), requestId }, accept)
  },
}

/** Why a host is not answered, and what allows it. */
export function foreignHostText(authority: string): string {
  const name = hostName(authority)
  return (
    `Requests for the host ${name} are not answered here: a web page anywhere could make them by DNS rebinding. ` +
    `If the name is yours, allow it with --allow-host ${name}, or as allowHosts: ['${name}'] in the configuration.`
  )
}

interface PageFacts {
  readonly status: number
  readonly title: string
  readonly text: string
  readonly requestId: string
}

function page({ status, title, text, requestId }: PageFacts, accept: string | undefined): ErrorPage {
  const kind = preferredKind(accept)
  if (kind === 'html') return html(status, title, escapeHtml(text), requestId)
  if (kind === 'json') return json(status, title, text, requestId)
  return {
    contentType: 'text/plain; charset=utf-8',
    body: `${status} ${title}\n${text}\nrequest ${requestId}\n`,
  }
}

const escapeHtml = (text: string): string => text.replace(/[&<>"]/g, (each) => `&#${each.charCodeAt(0)};`)

type Kind = 'html' | 'json' | 'text'

/** What is wanted most (RFC 9110 §12.5.1), HTML before JSON before text among equals; text for clients that take all. */
function preferredKind(accept: string | undefined): Kind {
  const weights: Record<Kind, number> = { html: 0, json: 0, text: 0 }
  for (const range of (accept ?? '').split(',')) {
    const [type = '', ...parameters] = range.split(';').map((part) => part.trim().toLowerCase())
    const kind = kindOf(type)
    if (kind !== undefined) weights[kind] = Math.max(weights[kind], weightOf(parameters))
  }
  const most = Math.max(weights.html, weights.json, weights.text)
  if (most === 0) return 'text'
  return weights.html === most ? 'html' : weights.json === most ? 'json' : 'text'
}

function kindOf(type: string): Kind | undefined {
  if (type === 'text/html' || type === 'application/xhtml+xml') return 'html'
  if (/[/+]json$/.test(type)) return 'json'
  return type === 'text/plain' ? 'text' : undefined
}

function weightOf(parameters: readonly string[]): number {
  const q = parameters.find((parameter) => parameter.startsWith('q='))
  return q === undefined ? 1 : Number(q.slice(2)) || 0
}

function json(status: number, title: string, message: string, requestId: string): ErrorPage {
  return {
    contentType: 'application/json',
    body: `${JSON.stringify({ status, title, message, requestId })}\n`,
  }
}

function html(status: number, title: string, text: string, requestId: string): ErrorPage {
  const body = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${status} ${title}</title>
<style>
  :root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
  body { max-width: 34rem; margin: 20vh auto 0; padding: 0 1.5rem }
  h1 { font-size: 1.5rem; margin: 0 } p { margin: .5rem 0 } code { opacity: .6; font-size: .85rem }
</style>
<h1>${status} ${title}</h1>
<p>${text}</p>
<p><code>request ${requestId}</code></p>
`
  return { contentType: 'text/html; charset=utf-8', body }
}
