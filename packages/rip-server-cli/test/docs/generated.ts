import { expect } from 'bun:test'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DOCS } from './page.ts'

type Row = readonly string[]

/**
 * Compares a table of a page with the rows that the code has; with `RIP_WRITE_DOCS=1` it writes the table anew. It is
 * between `<!-- generated: NAME -->` and `<!-- end -->`. How wide columns are does not matter.
 */
export function expectGenerated(page: string, name: string, head: Row, rows: readonly Row[]): void {
  const path = join(DOCS, page)
  const text = readFileSync(path, 'utf8')
  const mark = `<!-- generated: ${name} -->\n`
  const from = text.indexOf(mark) + mark.length
  const to = text.indexOf('<!-- end -->', from)
  if (from < mark.length || to === -1) throw new Error(`${page} has no table ${name}`)
  if (process.env['RIP_WRITE_DOCS'] === '1') {
    const lines = [head, head.map(() => '---'), ...rows].map((row) => `| ${row.map(escaped).join(' | ')} |\n`)
    writeFileSync(path, `${text.slice(0, from)}\n${lines.join('')}\n${text.slice(to)}`)
    return
  }
  const written = text
    .slice(from, to)
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .slice(2)
  const cells = written.map((line) =>
    line
      .split(/(?<!\\)\|/)
      .slice(1, -1)
      .map((cell) => cell.trim()),
  )
  // What differs is written anew by RIP_WRITE_DOCS=1 bun test test/docs.
  expect(cells).toEqual(rows.map((row) => row.map(escaped)))
}

const escaped = (cell: string): string => cell.replaceAll('|', '\\|').replace(/\s+/g, ' ').trim()
