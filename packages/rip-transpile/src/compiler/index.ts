import type { CompileOptions, CompileResult } from '../adapter.ts'
import { CompileError } from '../compile-error.ts'
import { withInlineMap } from '../inline-map.ts'
import { inlineRuntime, RUNTIME_NAMES } from '../runtime/inline.ts'
import type { RuntimeName } from '../runtime/inline.ts'
import { RUNTIME_MODULE } from '../runtime/runtime-module.ts'
import { SCHEMA_MODULE } from '../runtime/schema-module.ts'
import type { Block, Node } from './ast.ts'
import { forbiddenWrite } from './conflict.ts'
import { declareModule } from './declare/declare-module.ts'
import { declaresSchema } from './declare/declare-schema.ts'
import { rejectOutside } from './parser/diagnostics.ts'
import { withHoisted } from './lower/hoisting.ts'
import { declare, id, str } from './lower/js.ts'
import type { ImportSpecifier, Js } from './lower/estree.ts'
import { DISCARD, Lowerer } from './lower/lowerer.ts'
import { visitors } from './lower/visitors.ts'
import { grammar } from './parser/grammar.ts'
import { textBetween } from './parser/literals.ts'
import { Parser } from './parser/parser.ts'
import { parseProgram } from './parser/statements.ts'
import { patternNames } from './parser/targets.ts'
import { printProgram } from './print.ts'
import { resolveScopes } from './scope.ts'
import {
  reachesForSchemas,
  SCHEMA_FUNCTION,
  SCHEMA_NAMES,
  schemaInline,
  usesSchemaObject,
} from './schema-runtime.ts'
import type { Scope } from './scope.ts'
import { sourceMapOf } from './source-map.ts'
import { markTypeImports } from './type-imports.ts'

export { globals } from '../runtime/globals.ts'

const DATA_LINE = /^__DATA__[ \t]*(?:\r?\n|$)/m

/**
 * Compiles Rip to an ES module.
 *
 * @throws {CompileError} When the source is not accepted.
 */
export function compile(source: string, options: CompileOptions = {}): CompileResult {
  try {
    return compileProgram(source, options)
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    throw tooDeep(source, options.filename ?? 'unknown.rip', error)
  }
}

/** Chains like `a.b.c…` nest without brackets, so only the call stack limits their length. */
function tooDeep(source: string, filename: string, cause: RangeError): CompileError {
  const { start, end } = longestLine(source)
  const hint = 'Give a part of it a name.'
  return new CompileError(
    { reason: 'this is nested too deeply', filename, source, start, end, hint },
    { cause },
  )
}

function longestLine(source: string): { start: number; end: number } {
  let longest = { start: 0, end: 0 }
  for (let start = 0; start <= source.length;) {
    const at = source.indexOf('\n', start)
    const end = at === -1 ? source.length : at
    if (end - start > longest.end - longest.start) longest = { start, end }
    start = end + 1
  }
  return longest
}

function compileProgram(source: string, options: CompileOptions): CompileResult {
  const { filename = 'unknown.rip', dialect = 4, sourceMap = false, runtime = 'import' } = options
  const data = DATA_LINE.exec(source)
  const p = new Parser(source, filename, data?.index ?? source.length, dialect, grammar)
  const tree = parseProgram(p)
  const isModule = tree.body.some((node) => node.type === 'Import' || node.type.startsWith('Export'))
  // With an inlined runtime, the result may be evaluated as the body of a function.
  if (p.outerReturn && (isModule || runtime !== 'inline')) rejectOutside(p, 'return', p.outerReturn)
  const last = tree.body[tree.body.length - 1]
  if (!isModule && last?.type === 'Assign')
    for (const { start } of patternNames(last.target)) p.scope.direct.delete(start)
  const typeModules = markTypeImports(tree, p.scope, p.types)
  resolveScopes(p.scope)
  rejectForbiddenWrites(p)
  const l = new Lowerer(source, filename, p.lx.names, p.scope, dialect, visitors)
  l.hasReactive = hasReactive(p.scope)
  l.keepFrames = options.keepFrames ?? false
  let body = withHoisted(l, l.statements(isModule ? tree.body : withLastValue(tree.body), DISCARD))
  if (data)
    body = [
      declare('const', id('DATA'), str(dataText(textBetween(source, data.index + data[0].length)))),
      ...body,
    ]
  for (const name of standardNames(p)) l.runtime.add(name)
  const prelude = runtimeCode(l.runtime, runtime)
  const printed = printProgram([...prelude.body, ...body])
  const result: { -readonly [K in keyof CompileResult]: CompileResult[K] } = {
    code: `${prelude.text}${printed.code}\n`,
    dependencies: p.dependencies.filter((from) => !typeModules.has(from)),
  }
  if (sourceMap) {
    const skippedLines = prelude.text.split('\n').length - 1
    result.map = sourceMapOf({ ...printed, source, filename, skippedLines, renamed: l.renamed })
    if (sourceMap === 'inline') {
      result.code = withInlineMap(result.code, result.map)
    }
  }
  if (options.dts ?? isTyped(p, tree)) result.dts = declareModule(tree, { casts: p.casts, runtime })
  return result
}

/** A postfix loop collects a list if it is the last value of a script. */
function withLastValue(body: Node[]): Node[] {
  const last = body[body.length - 1]
  if (last?.type !== 'For' || last.body.start >= last.source.start) return body
  const { start, end } = last
  return [...body.slice(0, -1), { type: 'Paren', body: last, start, end }]
}

function rejectForbiddenWrites(p: Parser): void {
  const conflict = forbiddenWrite(p.scope)
  if (conflict) p.lx.fail(conflict.reason, conflict.at, conflict.at + conflict.name.length, conflict.hint)
}

function isTyped(p: Parser, tree: Block): boolean {
  return p.types.length > 0 || tree.body.some((node) => node.type === 'Enum') || declaresSchema(tree)
}

/** The text after `__DATA__`; it always ends in a line break. */
function dataText(text: string): string {
  return text === '' || text.endsWith('\n') ? text : `${text}\n`
}

function hasReactive(scope: Scope): boolean {
  return scope.reactive.size > 0 || scope.children.some(hasReactive)
}

/** Standard globals of the language that the program uses and does not declare itself. */
function standardNames({ scope, source }: Parser): Set<string> {
  const found = new Set<string>()
  const visit = (at: Scope): void => {
    for (const mention of at.mentions) {
      const { name } = mention
      const isStandard =
        RUNTIME_NAMES.has(name) || SCHEMA_NAMES.has(name) || usesSchemaObject(mention, source)
      if (isStandard && !at.owner(name)) found.add(name)
    }
    for (const child of at.children) visit(child)
  }
  visit(scope)
  if (reachesForSchemas(source)) found.add(SCHEMA_FUNCTION)
  return found
}

function runtimeCode(names: Set<string>, delivery: 'import' | 'inline'): { body: Js[]; text: string } {
  const sorted = [...names].toSorted()
  const schemas = sorted.filter((name) => !RUNTIME_NAMES.has(name))
  const others = sorted.filter((name) => RUNTIME_NAMES.has(name)) as RuntimeName[]
  if (delivery === 'inline') {
    const parts = [...(others.length > 0 ? [inlineRuntime(others)] : []), ...schemaInline(schemas)]
    return { body: [], text: parts.map((part) => `${part}\n`).join('') }
  }
  return { body: [...importOf(others, RUNTIME_MODULE), ...importOf(schemas, SCHEMA_MODULE)], text: '' }
}

function importOf(names: readonly string[], from: string): Js[] {
  if (names.length === 0) return []
  const specifiers = names.map((name): ImportSpecifier => ({
    type: 'ImportSpecifier',
    imported: id(name),
    local: id(name),
  }))
  return [{ type: 'ImportDeclaration', specifiers, source: str(from), attributes: [] }]
}
