import { readFileSync } from 'node:fs'
import { extname } from 'node:path'

/** The modules of the runtime, each after those that it needs when it is loaded. */
export const RUNTIME_MODULES: readonly string[] = [
  'schema-error',
  'schema-registry',
  'coercers',
  'field',
  'field-types',
  'value-check',
  'field-reader',
  'object-builder',
  'normalize',
  'shape-class',
  'validator',
  'object-validator',
  'enum-validator',
  'union-validator',
  'mixin-validator',
  'standard-schema',
  'array-schema',
  'algebra',
  'json-schema',
  'schema-def',
  'create-runtime',
  'process-runtime',
]

const kept = new Map<string, string>()

/** JavaScript of the whole runtime as one expression, for code that must not import anything. */
export function inlineRuntime(): string {
  const ending = extname(import.meta.url)
  const known = kept.get(ending)
  if (known !== undefined) return known
  const modules = RUNTIME_MODULES.map((name) => withoutLinks(codeOf(name, ending)))
  const text = `(() => {\n${modules.join('\n')}\nreturn processRuntime();\n})()`
  kept.set(ending, text)
  return text
}

/** JavaScript of a module: from the package, or transpiled from its source. */
function codeOf(name: string, ending: string): string {
  const text = readFileSync(new URL(`${name}${ending}`, import.meta.url), 'utf8')
  return ending === '.ts' ? new Bun.Transpiler({ loader: 'ts', target: 'bun' }).transformSync(text) : text
}

/** Removes imports and exports: the modules share one scope, in which all their names differ. */
function withoutLinks(code: string): string {
  return code
    .replace(/^import [^;]*?;$/gm, '')
    .replace(/^export \{[^}]*\};?$/gm, '')
    .replace(/^export (?=(?:async |class |const |function ))/gm, '')
    .replace(/^\/\/# source.*$/gm, '')
}
