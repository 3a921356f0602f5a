/** Program: one sample of one compiler in a fresh process, as a line of JSON. */
import { readFileSync } from 'node:fs'
import { type Contender, loadContender } from './contender.ts'

/** The argument that `main.ts` passes. */
export interface SampleRequest {
  readonly contender: Contender
  readonly referenceEntry: string
  readonly files: readonly string[]
  /** Only report which files compile. */
  readonly probe: boolean
  /** The files are compiled again and again for this long; the fastest round counts as warm. */
  readonly warmMs: number
}

export interface Sample {
  readonly importMs: number
  /** First compilation of all files. */
  readonly coldMs: number
  /** Fastest compilation of all files. */
  readonly warmMs: number
  readonly accepted: readonly string[]
}

const request = JSON.parse(process.argv[2] ?? '') as SampleRequest
const sources = request.files.map((path) => ({ path, text: readFileSync(path, 'utf8') }))

const importedFrom = performance.now()
const compile = await loadContender(request.contender, request.referenceEntry)
const importMs = performance.now() - importedFrom

const accepted = request.probe ? sources.filter(accepts).map(({ path }) => path) : request.files
const coldMs = request.probe ? 0 : compileAll()
const sample: Sample = { importMs, coldMs, warmMs: request.probe ? 0 : fastest(), accepted }
console.log(JSON.stringify(sample))

function accepts({ path, text }: (typeof sources)[number]): boolean {
  try {
    compile(text, path)
    return true
  } catch {
    // The file uses a feature that only one of the languages has.
    return false
  }
}

function compileAll(): number {
  const startedMs = performance.now()
  for (const { path, text } of sources) compile(text, path)
  return performance.now() - startedMs
}

function fastest(): number {
  let best = Number.POSITIVE_INFINITY
  for (const startedMs = performance.now(); performance.now() - startedMs < request.warmMs;) {
    best = Math.min(best, compileAll())
  }
  return best
}
