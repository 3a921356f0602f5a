import { FieldEdits } from '../forwarding/field-edits.ts'
import type { RequestHead } from '../http1/request-head.ts'

const NAVIGATING: readonly string[] = ['GET', 'POST', 'HEAD']

/**
 * Whether a browser asks for a document to show. It says so in `Sec-Fetch-Dest` on secure origins; elsewhere what scripts fetch
 * is recognised by what they accept, or by the fields their libraries add.
 */
export function isNavigation(head: RequestHead): boolean {
  if (!NAVIGATING.includes(head.method)) return false
  const fields = new FieldEdits(head)
  const destination = fields.get('sec-fetch-dest')
  if (destination !== undefined) return destination === 'document'
  if (head.method === 'POST' || fields.get('x-requested-with') !== undefined) return false
  if (fields.get('hx-request') !== undefined) return false
  return /\btext\/html\b/i.test(fields.get('accept') ?? '')
}
