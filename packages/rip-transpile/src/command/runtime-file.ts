import { writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import type { CompileResult } from '../adapter.ts'
import { inlineRuntime, RUNTIME_NAMES } from '../runtime/inline.ts'
import type { RuntimeName } from '../runtime/inline.ts'
import { inlineRuntime as inlineSchemas } from '@rip/schema/inline'
import { SCHEMA_NAMES } from '../compiler/schema-runtime.ts'
import { RUNTIME_MODULE } from '../runtime/runtime-module.ts'
import { SCHEMA_MODULE } from '../runtime/schema-module.ts'

/** A runtime of the language in a folder of results, whose modules share it. */
export interface RuntimeFile {
  readonly name: string
  /** Module that the results would import it from otherwise. */
  readonly module: string
  readonly code: () => string
  readonly types?: string
}

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

const names = ([...RUNTIME_NAMES] as RuntimeName[]).toSorted()

const RUNTIME_FILES: readonly RuntimeFile[] = [
  {
    name: 'rip-runtime.js',
    module: RUNTIME_MODULE,
    code: () => `${inlineRuntime(names)}\nexport { ${names.join(', ')} }\n`,
    types: TYPES,
  },
  {
    name: 'rip-schema.js',
    module: SCHEMA_MODULE,
    code: () =>
      `const { ${[...SCHEMA_NAMES].join(', ')} } = ${inlineSchemas()};\nexport { ${[...SCHEMA_NAMES].join(', ')} }\n`,
  },
]

/**
 * Writes a runtime as a module of a folder, so that the others there need no package.
 *
 * @returns The files written.
 */
export function writeRuntime(runtime: RuntimeFile, outDir: string, types: boolean): string[] {
  const path = join(outDir, runtime.name)
  const files = new Map([[path, runtime.code()]])
  if (types && runtime.types !== undefined) files.set(path.replace(/\.js$/, '.d.ts'), runtime.types)
  for (const [file, text] of files) writeFileSync(file, text)
  return [...files.keys()]
}

/** The runtimes that the code or the declarations of a module use. */
export function runtimesOf({ code, dts = '' }: CompileResult): RuntimeFile[] {
  return RUNTIME_FILES.filter(({ module }) => code.includes(module) || dts.includes(module))
}

/** The text of a file below a folder, with the runtimes from that folder instead of from their packages. */
export function linkRuntimeFile(text: string, path: string, outDir: string): string {
  return text.replace(LINK, (_, word: string, __, module: string) => {
    const runtime = RUNTIME_FILES.find((candidate) => candidate.module === module)!
    const way = relative(dirname(path), join(outDir, runtime.name))
    return `${word}'${way.startsWith('.') ? way : `./${way}`}'`
  })
}

const LINK = new RegExp(`(\\bfrom |\\bimport\\()(['"])(${RUNTIME_MODULE}|${SCHEMA_MODULE})\\2`, 'g')
