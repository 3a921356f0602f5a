import { writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import type { CompileResult } from '../adapter.ts'
import { inlineRuntime, RUNTIME_NAMES } from '../runtime/inline.ts'
import type { RuntimeName } from '../runtime/inline.ts'
import { RUNTIME_MODULE } from '../runtime/runtime-module.ts'

/** Name of the language's runtime in a folder of results, which all of them share. */
const RUNTIME_FILE = 'rip-runtime.js'

const TYPES = `export interface Computed<T> {
  readonly value: T
  read(): T
}
export interface State<T> extends Computed<T> {
  value: T
  lock(): this
  kill(): T
}
export interface Effect extends Disposable {
  (): void
  readonly active: boolean
  stop(): void
  run(): void
  cancel(): void
}
`

/**
 * Writes the runtime as a module of a folder, so that the others there need no package.
 *
 * @returns The files written.
 */
export function writeRuntime(outDir: string, types: boolean): string[] {
  const path = join(outDir, RUNTIME_FILE)
  const names = ([...RUNTIME_NAMES] as RuntimeName[]).toSorted()
  const files = new Map([[path, `${inlineRuntime(names)}\nexport { ${names.join(', ')} }\n`]])
  if (types) files.set(path.replace(/\.js$/, '.d.ts'), TYPES)
  for (const [file, text] of files) writeFileSync(file, text)
  return [...files.keys()]
}

/** Whether the code or the declarations of a module use the runtime. */
export function usesRuntime({ code, dts = '' }: CompileResult): boolean {
  return code.includes(RUNTIME_MODULE) || dts.includes(RUNTIME_MODULE)
}

/** The text of a file below a folder, with the runtime from that folder instead of from the package. */
export function linkRuntimeFile(text: string, path: string, outDir: string): string {
  const way = relative(dirname(path), join(outDir, RUNTIME_FILE))
  return text.replace(LINK, `$1'${way.startsWith('.') ? way : `./${way}`}'`)
}

const LINK = new RegExp(`(\\bfrom |\\bimport\\()(['"])${RUNTIME_MODULE}\\2`, 'g')
