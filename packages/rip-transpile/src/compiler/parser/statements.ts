import type { Block, Node } from '../ast.ts'
import { parseAssigned } from './assignments.ts'
import { parsePostfix } from './calls.ts'
import { parseTypeDeclaration } from './declarations.ts'
import { rejectColon, rejectForeignStatement } from './diagnostics.ts'
import { withPostfixLoops } from './loops.ts'
import { isImportDeclaration, parseExport, parseImport } from './modules.ts'
import { identifier } from './names.ts'
import { keyAt } from './objects.ts'
import { blockOf } from './parser.ts'
import type { Parser } from './parser.ts'
import { negateIf } from './postfix-if.ts'
import { parseSchemaPragma } from './schema-pragma.ts'
import { skipType, typedBindingAt, typedMemberAt } from './types.ts'

const CLOSERS: ReadonlySet<string> = new Set(
  ') ] } , DEDENT NEWLINE EOF else then when catch finally'.split(' '),
)

export function parseProgram(p: Parser): Block {
  const body = parseStatements(p, 'EOF')
  if (!p.is('EOF')) p.unexpected()
  return { type: 'Block', body, start: 0, end: p.lx.limit }
}

/** Statements up to a closing token, which is not consumed. */
function parseStatements(p: Parser, close: string): Node[] {
  const body: Node[] = []
  p.skipNewlines()
  while (p.kind !== close) {
    body.push(parseStatement(p))
    if (p.kind === close) break
    if (p.is(')') || p.is(']') || p.is('}') || (p.is(',') && close === 'DEDENT')) break
    // The end of indentation after an opening bracket.
    if (p.is('EOF') || p.is('DEDENT')) break
    if (!p.is('NEWLINE') && !p.is(';')) rejectForeignStatement(p)
    p.skipNewlines()
  }
  return body
}

/** An indented block; the current token is INDENT. */
export function parseBlock(p: Parser): Block {
  const { start } = p.lx
  p.enter()
  p.next()
  const body = p.within({ dotsEndBody: false, commaEndsBody: false }, () =>
    p.inBlock(() => parseStatements(p, 'DEDENT')),
  )
  const end = body.length > 0 ? body[body.length - 1]!.end : p.lx.end
  p.accept('DEDENT')
  p.depth--
  return { type: 'Block', body, start, end }
}

/** Statements on the rest of the line, separated by semicolons. */
export function parseInlineBlock(p: Parser): Block {
  const { start } = p.lx
  const body: Node[] = []
  p.inBlock(() => {
    while (!CLOSERS.has(p.kind)) {
      body.push(parseStatement(p))
      if (!p.is(';')) break
      p.next()
    }
  })
  return { type: 'Block', body, start, end: body.length > 0 ? body[body.length - 1]!.end : start }
}

/** The block of `if`, `for` and the like: indented, or after `then`. */
export function parseBody(p: Parser, close?: string): Node {
  if (close) {
    const body = p.inBlock(() => parseStatements(p, close === '}' ? '}' : ')'))
    while (p.is('DEDENT') || p.is('NEWLINE')) p.next()
    return body.length === 1
      ? body[0]!
      : { type: 'Block', body, start: body[0]?.start ?? p.lx.start, end: p.lx.end }
  }
  return p.fresh(() => {
    if (p.accept('then')) return p.is('INDENT') ? parseBlock(p) : parseInlineBlock(p)
    if (p.is('INDENT')) return parseBlock(p)
    if (p.is(';')) {
      p.next()
      return parseInlineBlock(p)
    }
    if (p.is(':')) rejectColon(p)
    return p.unexpected(
      'expected an indented block or then',
      'Indent the block, or put `then` in front of it.',
    )
  })
}

export function parseStatement(p: Parser): Node {
  const { lx } = p
  const outer = p.statementStart
  p.statementStart = lx.start
  const node = parseStatementKind(p)
  p.statementStart = -1
  const whole = withPostfix(p, node)
  p.statementStart = outer
  return whole
}

function parseStatementKind(p: Parser): Node {
  const { lx, kind } = p
  if (kind === 'import' && isImportDeclaration(p)) return parseImport(p)
  if (kind === 'export') return parseExport(p)
  if (kind === 'INDENT') lx.fail('this line is indented for no reason', lx.start, lx.start + 1)
  if (kind === 'id') {
    const declaration = parseTypeDeclaration(p) ?? parseSchemaPragma(p)
    if (declaration) return declaration
    const typed = typedBindingAt(p, lx.start)
    if (typed) return parseTyped(p, typed)
  }
  if ((kind === 'id' || kind === '@') && typedMemberAt(p, lx.start)) return parseTypedMember(p)
  if (VALUE_WORDS.has(kind)) rejectTypedWord(p)
  if (kind === 'function' || kind === 'var' || kind === 'let' || kind === 'const') rejectForeignStatement(p)
  if (keyAt(p, lx.start)) return p.expression()
  return p.value()
}

const VALUE_WORDS: ReadonlySet<string> = new Set('true false yes no on off null undefined this'.split(' '))

/** Refuses `on: boolean = true`, which would declare a name with a fixed value. */
function rejectTypedWord(p: Parser): void {
  const { lx } = p
  if (typedBindingAt(p, lx.start) !== 'value') return
  lx.fail(
    `'${lx.value}' has a fixed meaning and cannot name a variable`,
    lx.start,
    lx.end,
    'Choose another name.',
  )
}

function parseTyped(p: Parser, typed: 'value' | 'declaration'): Node {
  const { lx } = p
  const { start, end, value } = lx
  p.next()
  if (p.is('?')) p.next()
  const annotation = skipType(p, 'binding')
  if (typed === 'declaration')
    return { type: 'Erased', declares: { kind: 'binding', name: value, annotation }, start, end: lx.lastEnd }
  const node = parseAssigned(p, identifier(p, value, start, end), p.kind as '=' | '=!' | ':=' | '~=' | '~>')
  return node.type === 'Assign' || node.type === 'Reactive' ? { ...node, annotation } : node
}

/** `@x: T = value` and the like, which assign but declare no variable. */
function parseTypedMember(p: Parser): Node {
  const target = p.within({ noColon: true }, () => parsePostfix(p, p.primary()))
  if (p.is('?')) p.next()
  const annotation = skipType(p, 'binding')
  const node = parseAssigned(p, target, '=')
  return node.type === 'Assign' ? { ...node, annotation } : node
}

/** Postfix `if`, `unless`, `while`, `until` and `for`. */
function withPostfix(p: Parser, first: Node): Node {
  let node = first
  for (;;) {
    const { kind } = p
    if (POSTFIX.has(kind) || p.pendingIf) rejectPostfix(p, first)
    if (p.pendingIf) {
      const test = negateIf(p.pendingIf)
      p.pendingIf = undefined
      node = { type: 'If', test, consequent: node, otherwise: undefined, start: node.start, end: test.end }
    } else if (kind === 'if' || kind === 'unless') {
      node = postfixIf(p, node)
    } else if (kind === 'while' || kind === 'until') {
      p.next()
      const test = negateIf({ test: p.expression(), negated: kind === 'until' })
      const guard = p.accept('when') ? p.expression() : undefined
      const { end } = guard ?? test
      node = { type: 'While', test, guard, body: blockOf(node), start: node.start, end }
    } else if (kind === 'for') node = withPostfixLoops(p, node)
    else return node
  }
}

const POSTFIX: ReadonlySet<string> = new Set(['if', 'unless', 'while', 'until', 'for'])

/** Refuses a postfix condition or loop on an export or import, which are unconditional. */
function rejectPostfix(p: Parser, node: Node): void {
  if (node.type === 'Import' || node.type.startsWith('Export'))
    p.lx.fail('an import or export has no condition and no loop', node.start, node.end)
}

function postfixIf(p: Parser, node: Node): Node {
  const negated = p.is('unless')
  p.next()
  const test = negateIf({ test: p.expression(), negated })
  if (!p.is('else'))
    return { type: 'If', test, consequent: node, otherwise: undefined, start: node.start, end: test.end }
  p.next()
  const otherwise = p.is('INDENT') ? p.rightSide() : p.value()
  const { end } = otherwise
  if (node.type === 'Assign') {
    return {
      ...node,
      value: { type: 'Ternary', test, consequent: node.value, otherwise, start: node.value.start, end },
      end,
    }
  }
  return { type: 'Ternary', test, consequent: node, otherwise, start: node.start, end }
}
