import { FIELD } from './field-name.ts'
import type { RequestHead } from './request-head.ts'

const QUOTED = /"(?:[^"\\]|\\.)*"/g

/** Whether the client itself, and not a proxy behind it, asked for trailer fields (RFC 9110 §10.1.4). */
export function acceptsTrailers(head: RequestHead): boolean {
  if (head.minor === 0 || !head.connection.te) return false
  for (let index = 0; index < head.count; index++)
    if (head.id(index) === FIELD.te && listsTrailers(head.value(index))) return true
  return false
}

function listsTrailers(value: string): boolean {
  const members = value.replaceAll(QUOTED, '').split(',')
  return members.some((member) => member.trim().toLowerCase() === 'trailers')
}
