import { mkdtempSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** All `.rip` files of a folder outside `node_modules`, sorted. */
export function ripFiles(folder: string): string[] {
  if (!statSync(folder).isDirectory()) return [folder]
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.rip') && !name.split('/').includes('node_modules'))
    .toSorted()
    .map((name) => join(folder, name))
}

export function countLines(files: readonly string[]): number {
  return files.reduce((sum, file) => sum + readFileSync(file, 'utf8').split('\n').length, 0)
}

/** One function of ordinary code, ten lines; the number makes its name unique. */
function block(number: number): string {
  return `handle${number} = (request, options = {}) ->
  { path, query } = request
  limit = options.limit ? options.limit : ${number}
  rows = (row.name for row in query.rows when row.id > limit)
  if path is '/items/${number}' and rows.length > 0
    message = "found #{rows.length} of #{limit}"
    for name, index in rows
      console.log index, name, message
  rows.map (name) -> name.toUpperCase()

`
}

/** A file of that many lines in a temporary folder. */
export function generatedFile(lines: number): string {
  const folder = mkdtempSync(join(tmpdir(), 'rip-bench-compile-'))
  const path = join(folder, `${lines}.rip`)
  writeFileSync(path, Array.from({ length: lines / 10 }, (_, number) => block(number)).join(''))
  return path
}
