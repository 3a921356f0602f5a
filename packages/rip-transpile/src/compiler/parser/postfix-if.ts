import type { Node } from '../ast.ts'
import type { Parser } from './parser.ts'

/** One ternary after an expression. */
export function withPostfixTernary(p: Parser, node: Node): Node {
  if ((!p.is('if') && !p.is('unless')) || p.pendingIf || p.mode.inImplicit) return node
  const negated = p.is('unless')
  p.next()
  const test = p.head(() => p.expression())
  if (!p.is('else')) {
    p.pendingIf = { test, negated }
    return node
  }
  p.next()
  const otherwise = p.is('INDENT') ? p.rightSide() : p.expression()
  const choice = negated ? negateIf({ test, negated }) : test
  return { type: 'Ternary', test: choice, consequent: node, otherwise, start: node.start, end: otherwise.end }
}

/** An expression with the condition that was read after it. */
export function withPendingIf(p: Parser, node: Node): Node {
  const pending = p.pendingIf
  if (!pending) return node
  p.pendingIf = undefined
  return {
    type: 'If',
    test: negateIf(pending),
    consequent: node,
    otherwise: undefined,
    start: node.start,
    end: pending.test.end,
  }
}

export function negateIf(pending: { test: Node; negated: boolean }): Node {
  const { test, negated } = pending
  return negated ? { type: 'Unary', op: '!', arg: test, start: test.start, end: test.end } : test
}
