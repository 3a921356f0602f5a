import type { Adapter, CompileOptions, CompileResult, SourceMap } from '../adapter.ts'
import { CompileError } from '../compile-error.ts'
import { adapterResult } from './adapter-result.ts'
import { findPackage } from './find-package.ts'

/** The part of the Civet package this adapter uses. */
interface Civet {
  compile(source: string, options: CivetOptions): CompiledCivet
}

interface CivetOptions {
  readonly filename: string
  readonly js: true
  readonly sourceMap: true
  /** Returns the result instead of a promise, so that `require` of a module works. */
  readonly sync: true
}

interface CompiledCivet {
  readonly code: string
  readonly sourceMap: { json(outFileName: string): SourceMap }
}

/** One problem, or with `errors` several. */
interface CivetError {
  readonly name: string
  readonly header?: string
  readonly body?: string
  readonly offset?: number
  readonly errors?: readonly CivetError[]
}

/** Civet as it is installed in the project. */
export function civetAdapter(root: string): Adapter {
  const { version, load } = findPackage<Civet>('@danielx/civet', root)
  return {
    name: 'civet',
    version,
    extensions: ['.civet'],
    compile: (source, options = {}) => compileCivet(load(), source, options),
  }
}

function compileCivet(compiler: Civet, source: string, options: CompileOptions): CompileResult {
  const filename = options.filename ?? 'unknown.civet'
  const { code, sourceMap } = attempt(compiler, source, filename)
  return adapterResult(
    { code, map: sourceMap.json(filename) },
    { source, filename, sourceMap: options.sourceMap },
  )
}

function attempt(compiler: Civet, source: string, filename: string): CompiledCivet {
  try {
    return compiler.compile(source, { filename, js: true, sourceMap: true, sync: true })
  } catch (error) {
    throw toCompileError(error, source, filename)
  }
}

function toCompileError(error: unknown, source: string, filename: string): unknown {
  const problem = firstProblem(error as CivetError)
  if (problem.offset === undefined) return error
  const { header = 'Failed to parse', body = '', offset: start } = problem
  // The body lists everything that would have been allowed, in dozens of lines; only its end helps.
  const found = /\nFound: (.+)\s*$/.exec(body)?.[1]
  const reason = found === undefined ? header : `${header}: found ${found}`
  return new CompileError({ reason, filename, source, start, end: start + 1 })
}

function firstProblem(error: CivetError): CivetError {
  return error.errors?.[0] ?? error
}
