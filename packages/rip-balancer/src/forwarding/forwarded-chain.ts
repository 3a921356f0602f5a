import { FIELD, type FieldId } from '../http1/field-name.ts'
import type { RequestHead } from '../http1/request-head.ts'

/** What proxies wrote about the way of a request, the first of them first. */
export interface ForwardedChain {
  /** Whom each proxy got the request from, as written. */
  readonly nodes: readonly string[]
  /** Schemes as written; one for each node, or not. */
  readonly schemes: readonly string[]
  /** The elements of `Forwarded`, one for each node, if that is where they are from. */
  readonly elements: readonly string[]
}

/** `X-Forwarded-For` counts where there is one, else `Forwarded` (RFC 7239), else `X-Real-IP`. */
export function readChain(head: RequestHead): ForwardedChain {
  const told = listOf(head, FIELD.xForwardedProto)
  const nodes = listOf(head, FIELD.xForwardedFor)
  if (nodes.length > 0) return { nodes, schemes: told, elements: [] }
  if (head.has(FIELD.forwarded)) return readForwarded(joined(head, FIELD.forwarded), told)
  return { nodes: listOf(head, FIELD.xRealIp), schemes: told, elements: [] }
}

function readForwarded(text: string, told: readonly string[]): ForwardedChain {
  const elements = split(text, ',')
    .map((element) => element.trim())
    .filter((element) => element !== '')
  const schemes = elements.map((element) => parameter(element, 'proto'))
  return {
    nodes: elements.map((element) => parameter(element, 'for')),
    schemes: schemes.some((scheme) => scheme !== '') ? schemes : told,
    elements,
  }
}

/** @returns the value without its quotes, empty when there is none */
function parameter(element: string, name: string): string {
  for (const pair of split(element, ';')) {
    const equals = pair.indexOf('=')
    if (pair.slice(0, equals).trim().toLowerCase() !== name) continue
    return pair
      .slice(equals + 1)
      .trim()
      .replace(/^"(.*)"$/, '$1')
      .replaceAll(/\\(.)/g, '$1')
  }
  return ''
}

/** Splits where the separator is not within a quoted string (RFC 9110 §5.6.4). */
function split(text: string, separator: string): readonly string[] {
  const parts: string[] = []
  let from = 0
  let quoted = false
  for (let at = 0; at < text.length; at++) {
    if (quoted && text[at] === '\\') at++
    else if (text[at] === '"') quoted = !quoted
    else if (!quoted && text[at] === separator) {
      parts.push(text.slice(from, at))
      from = at + 1
    }
  }
  parts.push(text.slice(from))
  return parts
}

function listOf(head: RequestHead, id: FieldId): readonly string[] {
  if (!head.has(id)) return []
  return joined(head, id)
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
}

function joined(head: RequestHead, id: FieldId): string {
  const values: string[] = []
  for (let index = 0; index < head.count; index++) if (head.id(index) === id) values.push(head.value(index))
  return values.join(', ')
}
