import { expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))

/** A row of a table, and the folder of tests that the head of the table names. */
interface Row {
  readonly text: string
  readonly folder: string
}

test('every line of SECURITY.md names a test that exists', () => {
  const rows = rowsOf(readFileSync(join(ROOT, 'SECURITY.md'), 'utf8'))
  expect(rows.length).toBeGreaterThan(30)
  for (const { text, folder } of rows) {
    const [, file, title] = /\| `([\w./-]+\.test\.ts)`: (.+?) +\|$/.exec(text) ?? []
    expect(file, text).toBeDefined()
    expect(readFileSync(join(ROOT, folder, file ?? ''), 'utf8'), text).toContain(title ?? text)
  }
})

function rowsOf(page: string): readonly Row[] {
  const rows: Row[] = []
  let folder: string | undefined
  for (const text of page.split('\n')) {
    if (!text.startsWith('| ')) folder = undefined
    else if (folder === undefined) folder = /test in `([\w./-]+)`/.exec(text)?.[1] ?? 'no folder'
    else if (!text.startsWith('| -')) rows.push({ text, folder })
  }
  return rows
}
