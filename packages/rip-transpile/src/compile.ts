import { createRequire } from 'node:module'
import type { CompileOptions, CompileResult } from './adapter.ts'

interface Compiler {
  compile(source: string, options?: CompileOptions): CompileResult
}

let compiler: Compiler | undefined

/**
 * Compiles Rip to JavaScript. The compiler is loaded by the first call: a process that finds its code in the
 * cache never needs it.
 *
 * @throws {CompileError} When the source is not accepted.
 */
export function compile(source: string, options?: CompileOptions): CompileResult {
  // Resolved by name, because the name leads to the sources or to the emitted files, whichever are in use.
  compiler ??= createRequire(import.meta.url)('@rip/transpile/compiler') as Compiler
  return compiler.compile(source, options)
}
