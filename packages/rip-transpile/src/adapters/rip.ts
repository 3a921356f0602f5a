import { createRequire } from 'node:module'
import type { Adapter, CompileOptions, CompileResult } from '../adapter.ts'
import { packageVersion } from '../package-version.ts'

/** The module of our compiler; a process whose cache is warm never loads it. */
interface Compiler {
  compile(source: string, options?: CompileOptions): CompileResult
}

let loaded: Compiler | undefined

/** The compiler of this package. */
export function ripAdapter(): Adapter {
  return {
    name: 'rip',
    version: packageVersion(),
    extensions: ['.rip'],
    compile: (source, options) => compiler().compile(source, options),
  }
}

function compiler(): Compiler {
  // By name and not by path: the name leads to the sources or to the emitted files, whichever are in use.
  loaded ??= createRequire(import.meta.url)('@rip/transpile/compiler') as Compiler
  return loaded
}
