/**
 * Program: freezes an application's code into a snapshot and says so in one line of JSON on stdout. It runs as a
 * short-lived process, so that its parent process never holds a compiler or the application's code.
 *
 *     bun builder.ts --root DIR --out SNAPSHOT_DIR [--entry FILE] [--packages DIR] [--adapter NAME] [--generation ID]
 *                    [--files -]
 *
 * With `--files -`, standard input names the application's files, one relative path a line. With `--request -`
 * and nothing else, standard input is a `BuildRequest` as JSON: the program can be started before it is known
 * what there will be to build. Without a request it ends with 0 and says nothing. While there is nothing to do yet,
 * `--warm ENDING` loads the compiler for such files of the working directory, `--sample FILE` (repeatable) has it compile
 * a file that is likely to be built next, and `--rehearse DIR` builds something small in a folder of its own below that
 * one, which is removed again.
 */
import { readFileSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { rehearse } from './rehearse.ts'
import { selectAdapter } from './select-adapter.ts'
import { buildReport, type BuildRequest } from './snapshot/build-report.ts'

/** Contains a bit of the whole language, so that most of the compiler has run once. */
const SAMPLE = `
import { a } from './a'
export class B extends a
  c: (d, e = 1) -> "#{d} #{e + 1}"
export default (f) -> if f then (g * 2 for g in f when g > 1) else { h: 1, i: [2] }
`

const MAX_SAMPLE_BYTES = 16_384
/** The first time takes twice as long as the others. */
const SAMPLE_TIMES = 2

const { values } = parseArgs({
  options: {
    root: { type: 'string' },
    out: { type: 'string' },
    adapter: { type: 'string' },
    generation: { type: 'string' },
    files: { type: 'string' },
    entry: { type: 'string' },
    packages: { type: 'string' },
    request: { type: 'string' },
    warm: { type: 'string' },
    sample: { type: 'string', multiple: true, default: [] },
    rehearse: { type: 'string' },
  },
})
// Ignored, because signals may be sent to every process at once: the parent process decides what happens to the build.
const SURVIVED = [
  'SIGTERM',
  'SIGINT',
  'SIGQUIT',
  'SIGHUP',
  'SIGUSR1',
  'SIGUSR2',
  'SIGTTIN',
  'SIGTTOU',
] as const
for (const signal of SURVIVED) process.on(signal, () => {})
if (values.warm !== undefined) await warmUp(values.warm, values.sample)
if (values.rehearse !== undefined) await rehearse(values.rehearse)
const request = values.request === '-' ? await readRequest() : await requestOf(values)
if (request !== undefined) {
  const { mark, lingerMs = 0 } = request
  const late: (() => void)[] = []
  const report = await buildReport(request, lingerMs > 0 ? (work) => late.push(work) : undefined)
  const line = `${JSON.stringify(report)}\n`
  // The streams of Node.js would take longer to load than a small build does.
  await Bun.write(Bun.stdout, mark === undefined ? line : `\n${mark}${line}`)
  process.exitCode = report.ok ? 0 : 4
  for (const work of late) work()
  // Until then, the process that has started the program has more urgent work for the processors.
  await Bun.sleep(lingerMs)
}

/** A compiler that is not installed, and a file that does not compile, are reported by the build that needs them. */
async function warmUp(extension: string, samples: readonly string[]): Promise<void> {
  try {
    const adapter = selectAdapter({ root: process.cwd(), extension })
    await adapter.compile(SAMPLE, { sourceMap: true })
    for (const filename of samples.filter(isSmall)) {
      const source = readFileSync(filename, 'utf8')
      for (let time = 0; time < SAMPLE_TIMES; time += 1)
        await adapter.compile(source, { filename, sourceMap: true })
    }
  } catch {}
}

function isSmall(file: string): boolean {
  const status = statSync(file, { throwIfNoEntry: false })
  return status?.isFile() === true && status.size <= MAX_SAMPLE_BYTES
}

async function readRequest(): Promise<BuildRequest | undefined> {
  const text = readInput() ?? (await Bun.stdin.text())
  return text === '' ? undefined : (JSON.parse(text) as BuildRequest)
}

/**
 * Standard input, to its end. Waits in the system call, because that returns sooner than a stream, and there is nothing
 * else to do. `undefined`, with nothing read, when it cannot be waited for.
 */
function readInput(): string | undefined {
  try {
    return readFileSync(0, 'utf8')
  } catch {
    // EAGAIN, or no standard input.
    return undefined
  }
}

async function requestOf({ files, ...given }: typeof values): Promise<BuildRequest> {
  const { root, out, adapter, generation, entry, packages } = given
  if (root === undefined || out === undefined || (files ?? '-') !== '-') usage()
  const named = files === undefined ? undefined : lines(await Bun.stdin.text())
  return { root, out, adapter, generation, entry, packages: packages && resolve(packages), files: named }
}

function usage(): never {
  console.error(
    'usage: builder --root DIR --out SNAPSHOT_DIR [--entry FILE] [--packages DIR] [--adapter NAME]\n' +
      '               [--generation ID] [--files -]\n' +
      '       builder --request -',
  )
  process.exit(2)
}

function lines(text: string): readonly string[] {
  return text.split('\n').filter((line) => line !== '')
}
