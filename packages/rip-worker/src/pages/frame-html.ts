import { escapeHtml } from './escape-html.ts'

/** An excerpt of source with its marked line, under the place it is from. */
export function frameHtml(frame: string, place: string | undefined): string {
  const caption = place === undefined ? '' : `<figcaption>${escapeHtml(place)}</figcaption>`
  const rows = frame.split('\n').map((row) => `<span${rowClass(row)}>${escapeHtml(row)}\n</span>`)
  return `<figure>${caption}<pre>${rows.join('')}</pre></figure>`
}

/** The marked line starts with `>`, the carets below it stand on a line without a number. */
function rowClass(row: string): string {
  if (row.startsWith('>')) return ' class="marked"'
  return /^ +\|/.test(row) ? ' class="carets"' : ''
}
