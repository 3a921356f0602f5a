import type { Adapter, CompileOptions, CompileResult, SourceMap } from '../adapter.ts'
import { CompileError } from '../compile-error.ts'
import { adapterResult } from './adapter-result.ts'
import { findPackage } from './find-package.ts'
import { offsetAt } from './offset-at.ts'

/** The part of the CoffeeScript 2 package this adapter uses. */
interface CoffeeScript {
  compile(source: string, options: CoffeeScriptOptions & { readonly sourceMap: true }): CompiledCoffee
}

interface CoffeeScriptOptions {
  readonly bare: boolean
  readonly filename: string
  readonly literate: boolean
}

interface CompiledCoffee {
  readonly js: string
  readonly v3SourceMap: string
}

/** What CoffeeScript attaches to its errors. Lines and columns count from 0; `last_*` are inclusive. */
interface CoffeeLocation {
  readonly first_line: number
  readonly first_column: number
  readonly last_line?: number
  readonly last_column?: number
}

/** What its registry calls `latest` is not a release of CoffeeScript. */
const ADVISED_VERSION = '2.7.0'

/** CoffeeScript 2 as it is installed in the project. */
export function coffeescriptAdapter(root: string): Adapter {
  const { version, load } = findPackage<CoffeeScript>('coffeescript', root, ADVISED_VERSION)
  return {
    name: 'coffeescript',
    version,
    extensions: ['.coffee', '.litcoffee', '.rip'],
    compile: (source, options = {}) => compileCoffee(load(), source, options),
  }
}

function compileCoffee(compiler: CoffeeScript, source: string, options: CompileOptions): CompileResult {
  const filename = options.filename ?? 'unknown.coffee'
  const compiled = attempt(compiler, source, filename)
  const map = JSON.parse(compiled.v3SourceMap) as SourceMap
  return adapterResult({ code: compiled.js, map }, { source, filename, sourceMap: options.sourceMap })
}

function attempt(compiler: CoffeeScript, source: string, filename: string): CompiledCoffee {
  const literate = filename.endsWith('.litcoffee')
  try {
    return compiler.compile(source, { bare: true, sourceMap: true, filename, literate })
  } catch (error) {
    throw toCompileError(error, source, filename)
  }
}

function toCompileError(error: unknown, source: string, filename: string): unknown {
  if (!(error instanceof Error)) return error
  const location = (error as { location?: CoffeeLocation }).location
  if (!location) return error
  const start = offsetAt(source, location.first_line, location.first_column)
  const lastLine = location.last_line ?? location.first_line
  const lastColumn = location.last_column ?? location.first_column
  const end = offsetAt(source, lastLine, lastColumn) + 1
  return new CompileError({ reason: error.message, filename, source, start, end })
}
