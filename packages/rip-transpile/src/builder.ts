/**
 * Program: freezes an application's code into a snapshot and says so in one line of JSON on stdout. It runs
 * as a short-lived process, so that whoever starts it never holds a compiler or the application's code.
 *
 *     bun builder.ts --root DIR --out SNAPSHOT_DIR [--adapter NAME] [--generation ID] [--files -]
 *
 * With `--files -`, standard input names the application's files, one relative path a line.
 */
import { parseArgs } from 'node:util'
import { buildReport } from './snapshot/build-report.ts'

const { values } = parseArgs({
  options: {
    root: { type: 'string' },
    out: { type: 'string' },
    adapter: { type: 'string' },
    generation: { type: 'string' },
    files: { type: 'string' },
  },
})
const { root, out, adapter, generation } = values
if (root === undefined || out === undefined || (values.files ?? '-') !== '-') {
  console.error('usage: builder --root DIR --out SNAPSHOT_DIR [--adapter NAME] [--generation ID] [--files -]')
  process.exit(2)
}
const files = values.files === undefined ? undefined : lines(await Bun.stdin.text())
const report = await buildReport({ root, out, adapter, generation, files })
console.log(JSON.stringify(report))
process.exitCode = report.ok ? 0 : 4

function lines(text: string): readonly string[] {
  return text.split('\n').filter((line) => line !== '')
}
