import type { Adapter, CompileOptions, CompileResult, SourceMap } from '../adapter.ts'
import { CompileError } from '../compile-error.ts'
import { adapterResult } from './adapter-result.ts'
import { findPackage } from './find-package.ts'
import { offsetAt } from './offset-at.ts'

/** `rip-lang` 3.x. */
interface Rip3 {
  compile(
    source: string,
    options: { readonly filename: string; readonly sourceMap: true; readonly types: 'emit' },
  ): { readonly code: string; readonly map: string; readonly dts?: string | null }
}

/** Lines and columns count from 0. */
interface Rip3Error extends Error {
  readonly line?: number
  readonly column?: number
  readonly length?: number
  readonly suggestion?: string | null
}

/** Version 4 of the language. */
interface Rip4 {
  compile(
    source: string,
    options: { readonly path: string; readonly runtimeDelivery: 'import' | 'inline' },
  ): { readonly code: string; readonly map: SourceMap; readonly declarations?: string | null }
}

/** The message holds the position and the frame, too. */
interface Rip4Error extends Error {
  readonly start?: number
  readonly end?: number
}

/** The user's own installation of the reference compiler, version 3 or 4. */
export function ripLangAdapter(root: string): Adapter {
  const { version, load, loadBeside } = findPackage<Rip3 | Rip4>('rip-lang', root)
  const major = Number.parseInt(version, 10)
  const load3 = once(() => {
    // Version 3 compiles `schema` only where this has been loaded, too.
    loadBeside('schema/loader-server.js')
    return load() as Rip3
  })
  return {
    name: 'rip-lang',
    version,
    extensions: ['.rip'],
    compile: (source, options = {}) =>
      major < 4 ? compileWith3(load3(), source, options) : compileWith4(load() as Rip4, source, options),
  }
}

function once<T>(make: () => T): () => T {
  let made: T | undefined
  return () => (made ??= make())
}

function compileWith3(compiler: Rip3, source: string, options: CompileOptions): CompileResult {
  const filename = options.filename ?? 'unknown.rip'
  const context = { source, filename, sourceMap: options.sourceMap }
  try {
    const result = compiler.compile(source, { filename, sourceMap: true, types: 'emit' })
    const map = JSON.parse(result.map) as SourceMap
    return adapterResult({ code: result.code, map, dts: result.dts ?? undefined }, context)
  } catch (error) {
    throw from3(error as Rip3Error, source, filename)
  }
}

function compileWith4(compiler: Rip4, source: string, options: CompileOptions): CompileResult {
  const filename = options.filename ?? 'unknown.rip'
  const context = { source, filename, sourceMap: options.sourceMap }
  try {
    const result = compiler.compile(source, { path: filename, runtimeDelivery: options.runtime ?? 'import' })
    return adapterResult({ ...result, dts: result.declarations ?? undefined }, context)
  } catch (error) {
    throw from4(error as Rip4Error, source, filename)
  }
}

function from3(error: Rip3Error, source: string, filename: string): Error {
  if (error.line === undefined) return error
  const start = offsetAt(source, error.line, error.column ?? 0)
  const end = start + (error.length ?? 1)
  const hint = error.suggestion ? { hint: error.suggestion } : {}
  return new CompileError({ reason: error.message, filename, source, start, end, ...hint })
}

function from4(error: Rip4Error, source: string, filename: string): Error {
  if (error.start === undefined) return error
  const { start, end = start + 1 } = error
  const [firstLine = error.message] = error.message.split('\n')
  const reason = firstLine.replace(/^.*:\d+:\d+:? /, '')
  return new CompileError({ reason, filename, source, start, end })
}
