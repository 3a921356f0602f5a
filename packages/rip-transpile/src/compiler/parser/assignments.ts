import type { AssignOperator, Node } from '../ast.ts'
import { parsePostfix } from './calls.ts'
import { isReservedTarget } from './diagnostics.ts'
import { parseReactiveFunction } from './functions.ts'
import { bindName } from './names.ts'
import { keyAt, parseImplicitObject } from './objects.ts'
import type { Parser } from './parser.ts'
import { nameSchema } from './schema.ts'
import { assignTarget, isAssignable, isPattern, patternNames, requireNames } from './targets.ts'

export function parseAssigned(
  p: Parser,
  target: Node,
  op: AssignOperator | '=!' | '?=' | ':=' | '~=' | '.=' | '~>',
): Node {
  if (!isAssignable(target)) isReservedTarget(p, target)
  p.next()
  if (op === ':=' || op === '~=' || op === '~>') return parseReactive(p, target, op)
  if (op === '.=') return parseMethodAssign(p, target)
  if (op !== '=' && op !== '=!' && isPattern(target)) {
    p.lx.fail(`a pattern is assigned with = and not with ${op}`, target.start, target.end)
  }
  const isConst = op === '=!'
  const value = parseRightSide(p)
  if (target.type === 'Id') nameSchema(value, target.name)
  const direct = { end: value.end, closure: value.type === 'Fn' || value.type === 'Class' }
  const use = op === '=' || isConst ? 'written' : op === '//=' || op === '%%=' ? 'changed' : 'updated'
  assignTarget(p, target, use, op === '=' && p.statementStart === target.start ? direct : undefined)
  if (isConst) bindConstant(p, target)
  const plain: AssignOperator = isConst ? '=' : op === '?=' ? '??=' : op
  return {
    type: 'Assign',
    op: plain,
    target,
    value,
    isConst,
    annotation: undefined,
    start: target.start,
    end: value.end,
  }
}

function bindConstant(p: Parser, target: Node): void {
  requireNames(p, target)
  for (const { name, start } of patternNames(target)) bindName(p, p.scope.function(), name, start, 'constant')
}

/** The right side of `=`: an expression, or an indented block. */
export function parseRightSide(p: Parser): Node {
  if (p.is('NEWLINE')) p.next()
  if (!p.is('INDENT')) return p.assignedValue()
  return p.fresh(() => {
    if (keyAt(p, p.lx.start)) {
      p.next()
      const object = parseImplicitObject(p)
      if (p.is('NEWLINE')) p.next()
      p.expect('DEDENT', 'behind the object')
      return object
    }
    const block = p.indentedBlock()
    return block.body.length === 1 ? block.body[0]! : block
  })
}

function parseReactive(p: Parser, target: Node, op: ':=' | '~=' | '~>'): Node {
  if (target.type !== 'Id') p.lx.fail(`only a name can be declared with ${op}`, target.start, target.end)
  const kind = op === ':=' ? 'state' : op === '~=' ? 'computed' : 'effect'
  bindName(p, p.scope.function(), target.name, target.start, kind)
  if (kind !== 'effect') p.scope.function().reactive.add(target.name)
  const value = kind === 'state' ? parseRightSide(p) : parseReactiveFunction(p, kind)
  const { start } = target
  return { type: 'Reactive', kind, name: target, value, annotation: undefined, start, end: value.end }
}

function parseMethodAssign(p: Parser, target: Node): Node {
  if (target.type === 'Arr' || target.type === 'Obj') isReservedTarget(p, target)
  const hole: Node = { type: 'Raw', code: '', start: target.end, end: target.end }
  const start = p.lx.start
  const name = p.lx.value
  if (!p.isWordLike()) p.unexpected('expected the name of a method')
  p.lx.readAsName()
  p.next()
  const member: Node = { type: 'Member', object: hole, prop: name, optional: false, start, end: p.lx.lastEnd }
  const chain = parsePostfix(p, member)
  assignTarget(p, target, 'updated')
  const value = (base: Node): Node => replaceBase(chain, hole, base)
  return { type: 'MethodAssign', target, value, start: target.start, end: chain.end }
}

function replaceBase(node: Node, hole: Node, base: Node): Node {
  if (node === hole) return base
  if ('object' in node) return { ...node, object: replaceBase(node.object, hole, base) }
  if ('callee' in node) return { ...node, callee: replaceBase(node.callee, hole, base) }
  if ('tag' in node) return { ...node, tag: replaceBase(node.tag, hole, base) }
  if (node.type === 'Await' || node.type === 'Exists' || node.type === 'Presence' || node.type === 'Update')
    return { ...node, arg: replaceBase(node.arg, hole, base) }
  return node
}
