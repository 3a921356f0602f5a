/**
 * Program: freezes an application's code into a snapshot and says so in one line of JSON on stdout. It runs
 * as a short-lived process, so that whoever starts it never holds a compiler or the application's code.
 *
 *     bun builder.ts --root DIR --out SNAPSHOT_DIR [--adapter NAME] [--generation ID]
 */
import { parseArgs } from 'node:util'
import { buildReport } from './snapshot/build-report.ts'

const { values } = parseArgs({
  options: {
    root: { type: 'string' },
    out: { type: 'string' },
    adapter: { type: 'string' },
    generation: { type: 'string' },
  },
})
if (values.root === undefined || values.out === undefined) {
  console.error('usage: builder --root DIR --out SNAPSHOT_DIR [--adapter NAME] [--generation ID]')
  process.exit(2)
}
const report = await buildReport({ ...values, root: values.root, out: values.out })
console.log(JSON.stringify(report))
process.exitCode = report.ok ? 0 : 4
