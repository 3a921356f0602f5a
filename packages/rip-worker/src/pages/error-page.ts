import { relative } from 'node:path'
import { acceptedFormat, type PageFormat, pageResponse } from './accepted-format.ts'
import { escapeHtml } from './escape-html.ts'
import { type FailureReport, reportFailure, type SourcePosition } from './failure-report.ts'
import { ERROR_PAGE_STYLE } from './error-page-style.ts'
import { frameHtml } from './frame-html.ts'
import { pathOf, type RequestHead } from './request-head.ts'

export interface FailedRequest {
  readonly error: unknown
  readonly request: RequestHead
  readonly id: string
  /** Only source files below this folder are shown. @default every file */
  readonly root?: string | undefined
}

/** Fields that often carry secrets: a page is easily shared. */
const HIDDEN_FIELDS = /^(?:authorization|cookie|proxy-authorization)$|token|secret|api-?key/i

/** The page of development: what failed, the lines of source around it, its causes, and the request. */
export function errorPage(failed: FailedRequest): Response {
  const format = acceptedFormat(failed.request)
  return pageResponse(format, bodies[format](reportFailure(failed.error, failed), failed), 500)
}

const bodies: Readonly<Record<PageFormat, (report: FailureReport, failed: FailedRequest) => string>> = {
  html: htmlBody,
  json: jsonBody,
  text: textBody,
}

function jsonBody(report: FailureReport, { id }: FailedRequest): string {
  return `${JSON.stringify({ error: report.message, requestId: id, failure: report }, null, 2)}\n`
}

function textBody(report: FailureReport, { request, id }: FailedRequest): string {
  return `${request.method} ${request.url} failed (request ${id})\n\n${chain(report).map(reportText).join('\n\ncaused by ')}\n`
}

function reportText(report: FailureReport): string {
  const stack = report.stack.map((frame) => `    at ${frame.call || '(module)'} (${placeOf(frame)})`)
  return [`${report.name}: ${report.message}`, report.frame, stack.join('\n')].filter(Boolean).join('\n\n')
}

function htmlBody(report: FailureReport, failed: FailedRequest): string {
  const { request, id } = failed
  return (
    '<!doctype html><html lang="en"><head><meta charset="utf-8">' +
    '<meta name="viewport" content="width=device-width,initial-scale=1">' +
    `<title>${escapeHtml(`${report.name}: ${report.message}`)}</title><style>${ERROR_PAGE_STYLE}</style></head><body><main>` +
    `<p class="request"><b>${escapeHtml(request.method)}</b> ${escapeHtml(pathOf(request))}<span>500</span></p>` +
    chain(report).map(reportHtml).join('') +
    requestHtml(request, id) +
    '</main></body></html>\n'
  )
}

function reportHtml(report: FailureReport, position: number): string {
  const heading = position === 0 ? 'h1' : 'h2'
  return (
    `<section>${position === 0 ? '' : '<p class="cause">caused by</p>'}` +
    `<p class="name">${escapeHtml(report.name)}</p><${heading}>${escapeHtml(report.message)}</${heading}>` +
    `${excerptHtml(report)}${stackHtml(report)}</section>`
  )
}

function excerptHtml({ frame, position }: FailureReport): string {
  return frame === undefined ? '' : frameHtml(frame, position && placeOf(position))
}

function stackHtml({ stack }: FailureReport): string {
  if (stack.length === 0) return ''
  const rows = stack.map(
    (frame) =>
      `<li${frame.isApplication ? ' class="own"' : ''}><code>${escapeHtml(frame.call || '(module)')}</code> ` +
      `<span>${escapeHtml(placeOf(frame))}</span></li>`,
  )
  return `<ol>${rows.join('')}</ol>`
}

function requestHtml(request: RequestHead, id: string): string {
  const rows = [...request.headers].map(([name, value]) => [
    name,
    HIDDEN_FIELDS.test(name) ? '(hidden)' : value,
  ])
  const cells = [['request', id], ['url', request.url], ...rows].map(
    ([name = '', value = '']) => `<tr><th>${escapeHtml(name)}</th><td>${escapeHtml(value)}</td></tr>`,
  )
  return `<details><summary>Request</summary><table>${cells.join('')}</table></details>`
}

function chain(report: FailureReport): readonly FailureReport[] {
  return report.cause === undefined ? [report] : [report, ...chain(report.cause)]
}

/** Relative when that is shorter to read. */
function placeOf({ file, line, column }: SourcePosition): string {
  const near = relative(process.cwd(), file)
  return `${near.startsWith('..') || near === '' ? file : near}:${line}:${column}`
}
