import type { Node, NodeOf } from '../ast.ts'
import { patternNames } from '../parser/targets.ts'
import { patternAssignment } from './assignments.ts'
import { hoistNames } from './hoisting.ts'
import { block, id, ifs, logical, returns, statement, undefinedValue } from './js.ts'
import type { Js } from './estree.ts'
import { isGuard, isStatementLike } from './kinds.ts'
import { DISCARD, END_OF_BODY, RETURN } from './lowerer.ts'
import type { Lowerer, Sink } from './lowerer.ts'
import { pattern } from './patterns.ts'

function checkJump(l: Lowerer, node: NodeOf<'Jump'>): void {
  if (node.kind === 'break' ? l.breakable > 0 : l.loops > 0) return
  l.fail(`'${node.kind}' has no loop to act on here`, node, 'Move it into a statement of the loop itself.')
}

export function lowerReturn(l: Lowerer, node: NodeOf<'Return'>): Js[] {
  if (l.generated > 0)
    l.fail(
      "'return' cannot leave a value that is being computed",
      node,
      'Move it into a statement of its own.',
    )
  const at = node.start
  if (!node.arg) return [returns(null, at)]
  if (l.fn.isVoid)
    l.fail(
      'a void function returns no value',
      node,
      "Write a bare return, or remove the '!' behind its name.",
    )
  if (isStatementLike(node.arg)) return l.statement(node.arg, { kind: 'return' })
  return [returns(l.returned(l.expression(node.arg)), at)]
}

export function lowerIf(l: Lowerer, node: NodeOf<'If'>, sink: Sink): Js {
  const test = l.expression(node.test)
  const inner = sink === END_OF_BODY ? RETURN : sink
  const consequent = l.body(node.consequent, inner)
  const otherwise = node.otherwise ? l.body(node.otherwise, inner) : missing(l, sink)
  return ifs(test, consequent, otherwise, node.start)
}

/** A missing branch gives `undefined` if its value is used. */
function missing(l: Lowerer, sink: Sink): Js[] {
  return sink.kind === 'push' || sink.kind === 'assign' ? [l.deliver(sink, undefinedValue())] : []
}

export function lowerSwitch(l: Lowerer, node: NodeOf<'Switch'>, sink: Sink): Js[] {
  if (!node.subject) return lowerCondSwitch(l, node, sink)
  const cases: Js[] = []
  l.breakable++
  for (const part of node.cases) {
    const lines = l.body(part.body, sink)
    const tests = part.tests.map((test) => l.expression(test))
    for (const test of tests.slice(0, -1))
      cases.push({ type: 'SwitchCase', test, consequent: [], at: part.start })
    const test = tests[tests.length - 1]!
    cases.push({ type: 'SwitchCase', test, consequent: caseBody(lines), at: part.start })
  }
  const fallback = node.otherwise ? l.body(node.otherwise, sink) : missing(l, sink)
  l.breakable--
  if (node.otherwise || fallback.length > 0)
    cases.push({ type: 'SwitchCase', test: null, consequent: fallback, at: node.otherwise?.start })
  return [{ type: 'SwitchStatement', discriminant: l.expression(node.subject), cases, at: node.start }]
}

const LEAVES: ReadonlySet<string> = new Set([
  'ReturnStatement',
  'ThrowStatement',
  'BreakStatement',
  'ContinueStatement',
])

function caseBody(lines: Js[]): Js[] {
  const last = lines[lines.length - 1]
  const full: Js[] =
    last && LEAVES.has(last.type) ? lines : [...lines, { type: 'BreakStatement', label: null }]
  const declares = lines.some((line) => line.type.endsWith('Declaration'))
  return declares ? [block(full)] : full
}

function lowerCondSwitch(l: Lowerer, node: NodeOf<'Switch'>, sink: Sink): Js[] {
  let otherwise = node.otherwise ? l.body(node.otherwise, sink) : missing(l, sink)
  for (const part of node.cases.toReversed()) {
    const test = part.tests
      .map((each) => l.expression(each))
      .reduce((left, right) => logical('||', left, right))
    otherwise = [ifs(test, l.body(part.body, sink), otherwise, part.start)]
  }
  return otherwise
}

export function lowerTry(l: Lowerer, node: NodeOf<'Try'>, sink: Sink): Js {
  const tried = l.body(node.block, sink)
  let handler: Js | null = null
  if (node.handler && node.scope) {
    handler = l.within(node.scope, () => caught(l, node.param, () => l.body(node.handler!, sink)))
  } else if (!node.finalizer) handler = { type: 'CatchClause', param: null, body: block(missing(l, sink)) }
  const finalizer = node.finalizer ? block(l.body(node.finalizer, DISCARD)) : null
  return { type: 'TryStatement', block: block(tried), handler, finalizer, at: node.start }
}

/** A catch clause; names of a pattern are assigned, while JavaScript would declare them. */
function caught(l: Lowerer, param: Node | undefined, make: () => Js[]): Js {
  if (!param || param.type === 'Id')
    return { type: 'CatchClause', param: param ? pattern(l, param) : null, body: block(make()) }
  hoistNames(l, patternNames(param))
  const error = id(l.fresh('error'), param.start)
  const assigned = statement(patternAssignment(l, param, error, false), param.start)
  return { type: 'CatchClause', param: error, body: block([assigned, ...make()]) }
}

export function lowerThrow(l: Lowerer, node: NodeOf<'Throw'>): Js[] {
  return [{ type: 'ThrowStatement', argument: l.expression(node.arg), at: node.start }]
}

export function lowerJump(l: Lowerer, node: NodeOf<'Jump'>): Js[] {
  checkJump(l, node)
  return [
    { type: node.kind === 'break' ? 'BreakStatement' : 'ContinueStatement', label: null, at: node.start },
  ]
}

/** A statement in parentheses is an expression only if its value is used. */
export function lowerParenStatement(l: Lowerer, node: NodeOf<'Paren'>, sink: Sink): Js[] | undefined {
  if (sink.kind === 'discard' && (node.body.type === 'For' || node.body.type === 'While')) return undefined
  return isStatementLike(node.body) || isGuard(node.body) ? l.statement(node.body, sink) : undefined
}
