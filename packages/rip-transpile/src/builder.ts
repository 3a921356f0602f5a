/**
 * Program: freezes an application's code into a snapshot and says so in one line of JSON on stdout. It runs
 * as a short-lived process, so that whoever starts it never holds a compiler or the application's code.
 *
 *     bun builder.ts --root DIR --out SNAPSHOT_DIR [--adapter NAME] [--generation ID] [--files -]
 *
 * With `--files -`, standard input names the application's files, one relative path a line. With `--request -`
 * and nothing else, standard input is a `BuildRequest` as JSON: the program can be started before it is known
 * what there will be to build. Without a request it ends with 0 and says nothing.
 */
import { parseArgs } from 'node:util'
import { buildReport, type BuildRequest } from './snapshot/build-report.ts'

const { values } = parseArgs({
  options: {
    root: { type: 'string' },
    out: { type: 'string' },
    adapter: { type: 'string' },
    generation: { type: 'string' },
    files: { type: 'string' },
    request: { type: 'string' },
  },
})
const request = values.request === '-' ? await readRequest() : await requestOf(values)
if (request !== undefined) {
  const report = await buildReport(request)
  console.log(JSON.stringify(report))
  process.exitCode = report.ok ? 0 : 4
}

async function readRequest(): Promise<BuildRequest | undefined> {
  const text = await Bun.stdin.text()
  return text === '' ? undefined : (JSON.parse(text) as BuildRequest)
}

async function requestOf({ root, out, adapter, generation, files }: typeof values): Promise<BuildRequest> {
  if (root === undefined || out === undefined || (files ?? '-') !== '-') usage()
  const named = files === undefined ? undefined : lines(await Bun.stdin.text())
  return { root, out, adapter, generation, files: named }
}

function usage(): never {
  console.error(
    'usage: builder --root DIR --out SNAPSHOT_DIR [--adapter NAME] [--generation ID] [--files -]\n' +
      '       builder --request -',
  )
  process.exit(2)
}

function lines(text: string): readonly string[] {
  return text.split('\n').filter((line) => line !== '')
}
