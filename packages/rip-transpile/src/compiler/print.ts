import { print } from 'esrap'
import type { Context } from 'esrap'
import ts from 'esrap/languages/ts'
import type { Js, JsOf } from './lower/estree.ts'
import type { Segment } from './source-map.ts'

/** Prints statements as a module, and returns the source positions of their parts as segments, by line of the code. */
export function printProgram(body: readonly Js[]): { code: string; rows: readonly Segment[][] } {
  const program: Js = { type: 'Program', sourceType: 'module', body }
  const { code, map } = print(program, VISITORS as never, { indent: '  ', sourceMapEncodeMappings: false })
  return { code, rows: (map as { mappings: Segment[][] }).mappings }
}

const standardVisitors = ts() as unknown as Record<string, (node: Js, context: Context) => void>

/** Each node records its own position; the printer's own records, which need `loc`, are switched off. */
const VISITORS = {
  ...standardVisitors,
  _(node: Js, context: Context, visit: (node: Js) => void): void {
    if (node.at !== undefined) mark(context, node.at)
    visit(node)
    if (node.till !== undefined) mark(context, node.till)
  },
  Identifier(node: JsOf<'Identifier'>, context: Context): void {
    if (node.verbatim === true) printEmbedded(node, context)
    else context.write(node.name)
  },
  ImportDeclaration: printImport,
  ImportAttribute(node: JsOf<'ImportAttribute'>, context: Context): void {
    context.visit(node.key)
    context.write(': ')
    context.visit(node.value)
  },
}

/**
 * Gives the text that follows a source position. The printer knows lines and columns but never reads the source, so the
 * offset is passed through it as a column of the first line.
 */
function mark(context: Context, offset: number): void {
  context.location(1, offset)
}

/** Names, and the first token of a line. */
const PLACE = /[A-Za-z_$][\w$]*|(?<=\n[ \t]*)\S/g

/** Embedded JavaScript, whose parts keep their positions. */
function printEmbedded(node: JsOf<'Identifier'>, context: Context): void {
  const text = node.name
  let from = 0
  for (const { index } of text.matchAll(PLACE)) {
    context.write(text.slice(from, index))
    mark(context, node.at! + index)
    from = index
  }
  context.write(text.slice(from))
}

/** Prints imports, because the printer gives no position to the names of default and namespace imports. */
function printImport(node: JsOf<'ImportDeclaration'>, context: Context): void {
  const { specifiers, attributes } = node
  const named = specifiers.filter(({ type }) => type === 'ImportSpecifier')
  context.write('import ')
  for (const [at, { type, local }] of specifiers.filter((one) => !named.includes(one)).entries()) {
    if (at > 0) context.write(', ')
    if (type === 'ImportNamespaceSpecifier') context.write('* as ')
    context.visit(local)
  }
  if (named.length > 0) {
    if (named.length < specifiers.length) context.write(', ')
    context.visit({ type: 'ObjectPattern', properties: named } as Js)
  }
  if (specifiers.length > 0) context.write(' from ')
  context.visit(node.source)
  if (attributes.length > 0) {
    context.write(' with ')
    context.visit({ type: 'ObjectExpression', properties: attributes } as Js)
  }
  context.write(';')
}
