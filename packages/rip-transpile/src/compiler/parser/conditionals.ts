import type { Block, Node, SwitchCase } from '../ast.ts'
import { Scope } from '../scope.ts'
import { reservedHint } from './diagnostics.ts'
import { bindName } from './names.ts'
import { blockOf } from './parser.ts'
import type { Parser } from './parser.ts'
import { assignTarget } from './targets.ts'

/** Accepts a keyword of the current statement, also at the start of the next line. */
function acceptClause(p: Parser, word: string): boolean {
  if (p.kind === word) {
    p.next()
    return true
  }
  if (!p.is('NEWLINE') || p.lx.wordAhead() !== word) return false
  p.next()
  p.next()
  return true
}

export function parseIf(p: Parser): Node {
  const { start } = p.lx
  const negated = p.is('unless')
  p.enter()
  p.next()
  const condition = p.head(() => p.expression())
  const test: Node = negated
    ? { type: 'Unary', op: '!', arg: condition, start, end: condition.end }
    : condition
  const consequent = p.body()
  let otherwise: Node | undefined
  if (acceptClause(p, 'else')) {
    if (p.is('if') || p.is('unless')) otherwise = parseIf(p)
    else otherwise = parseElse(p)
  }
  p.depth--
  return { type: 'If', test, consequent, otherwise, start, end: (otherwise ?? consequent).end }
}

function parseElse(p: Parser): Block {
  p.accept('then')
  return p.fresh(() => (p.is('INDENT') ? p.indentedBlock() : p.inlineBlock()))
}

export function parseSwitch(p: Parser): Node {
  const { start } = p.lx
  p.next()
  const subject = p.is('INDENT') || p.is('NEWLINE') ? undefined : p.head(() => p.expression())
  const indented = p.is('INDENT')
  if (indented || p.is('NEWLINE')) p.next()
  const cases: SwitchCase[] = []
  let otherwise: Block | undefined
  for (;;) {
    const at = p.lx.start
    if (acceptClause(p, 'when')) cases.push(parseCase(p, at))
    else if (acceptClause(p, 'else')) otherwise = parseElse(p)
    else break
  }
  if (cases.length === 0 && !otherwise) {
    if (p.is('case')) reservedHint(p)
    p.unexpected('expected when')
  }
  if (indented) {
    while (p.is('NEWLINE')) p.next()
    p.accept('DEDENT')
  }
  return { type: 'Switch', subject, cases, otherwise, start, end: p.lx.lastEnd }
}

function parseCase(p: Parser, start: number): SwitchCase {
  const tests: Node[] = []
  p.head(() => {
    do {
      if (p.is('NEWLINE')) p.next()
      tests.push(p.expression())
    } while (p.accept(','))
  })
  const body = blockOf(p.body())
  return { tests, body, start, end: body.end }
}

export function parseTry(p: Parser): Node {
  const { start } = p.lx
  p.next()
  const block = p.fresh(() => (p.is('INDENT') ? p.indentedBlock() : p.inlineBlock()))
  let param: Node | undefined
  let handler: Node | undefined
  let scope: Scope | undefined
  if (acceptClause(p, 'catch')) {
    const inner = new Scope(p.scope, false)
    scope = inner
    p.withScope(inner, () => {
      param = parseCatchParam(p)
      handler = parseElse(p)
    })
  }
  const finalizer = acceptClause(p, 'finally') ? parseElse(p) : undefined
  return { type: 'Try', block, param, handler, finalizer, scope, start, end: p.lx.lastEnd }
}

function parseCatchParam(p: Parser): Node | undefined {
  const { lx } = p
  if (p.is('id')) {
    const param: Node = { type: 'Id', name: lx.value, start: lx.start, end: lx.end }
    bindName(p, p.scope, lx.value, lx.start, 'catch')
    p.next()
    return param
  }
  if (p.is('(')) lx.fail("a 'catch' has no parentheses", lx.start, lx.end, 'Write `catch error`.')
  if (!p.is('{') && !p.is('[')) return undefined
  // A pattern is an assignment, so its names exist after the clause, too.
  const pattern = p.primary()
  assignTarget(p, pattern, 'written')
  return pattern
}
