import type { AssignOperator, Node, NodeOf } from '../ast.ts'
import type { Form } from '../bindings.ts'
import { isReservedTarget } from '../diagnostics.ts'
import type { Use } from '../scope.ts'
import { parsePostfix } from './calls.ts'
import { parseAssignedValue } from './expressions.ts'
import { parseReactiveFunction } from './functions.ts'
import { keyAt, parseImplicitObject } from './objects.ts'
import { bindName, checkWritable } from './names.ts'
import type { Parser } from './parser.ts'
import { nameSchema } from './schema.ts'
import { parseBlock } from './statements.ts'

export function isAssignable(node: Node): boolean {
  switch (node.type) {
    case 'Id':
    case 'Member':
    case 'Index':
    case 'Arr':
    case 'Obj':
      return true
    case 'Paren':
      return isAssignable(node.body)
    default:
      return false
  }
}

interface Direct {
  end: number
  closure: boolean
}

/** Records the names that a target writes; refuses what cannot be written. */
export function assignTarget(p: Parser, target: Node, use: Use, direct?: Direct): void {
  switch (target.type) {
    case 'Id':
      checkWritable(p, target.name, target.start)
      p.scope.mention(target.name, target.start, use)
      if (direct) p.scope.function().direct.set(target.start, direct)
      return
    case 'Member':
      return
    case 'Index':
      return checkIndex(p, target)
    case 'Paren':
      return assignTarget(p, target.body, use)
    case 'Arr':
      for (const item of target.items) if (item) assignPart(p, item, use, direct)
      return
    case 'Obj':
      for (const prop of target.props) assignPart(p, prop.value, use, direct)
      return
    case 'Spread':
      if (target.arg.type === 'Erased') return
      rejectRestDefault(p, target.arg)
      return assignTarget(p, target.arg, use, direct)
    case 'Assign':
      if (target.op === '=') return assignTarget(p, target.target, use, direct)
      break
    default:
  }
  isReservedTarget(p, target)
}

/** Binds the names of a pattern in a scope, for parameters and loop variables. */
export function bindPattern(p: Parser, target: Node, form: Form): void {
  requireNames(p, target)
  for (const { name, start } of patternNames(target)) bindName(p, p.scope, name, start, form)
}

/** A part of a pattern; unlike a whole assignment it cannot be optional. */
function assignPart(p: Parser, target: Node, use: Use, direct?: Direct): void {
  for (let at = target; at.type === 'Member' || at.type === 'Index'; at = at.object)
    if (at.optional) p.lx.fail('a part of a pattern is not optional', target.start, target.end)
  assignTarget(p, target, use, direct)
}

/** Refuses to assign `a[-1]`, which is `a.at(-1)`. */
function checkIndex(p: Parser, { index, start, end }: NodeOf<'Index'>): void {
  if (index.type !== 'Unary' || index.op !== '-' || index.arg.type !== 'Num') return
  const hint = `Count from the start: [list.length - ${index.arg.raw}].`
  p.lx.fail('an index from the end is not assigned', start, end, hint)
}

/** Refuses a pattern that holds anything but new names. */
export function requireNames(p: Parser, target: Node): void {
  switch (target.type) {
    case 'Id':
    case 'Erased':
      return
    case 'Arr':
      for (const item of target.items) if (item) requireNames(p, item)
      return
    case 'Obj':
      for (const prop of target.props) requireNames(p, prop.value)
      return
    case 'Spread':
      rejectRestDefault(p, target.arg)
      return requireNames(p, target.arg)
    case 'Assign':
      if (target.op === '=' && !target.isConst) return requireNames(p, target.target)
      break
    default:
  }
  p.lx.fail('only a name can be declared here', target.start, target.end)
}

export function patternNames(target: Node): { name: string; start: number; end: number }[] {
  switch (target.type) {
    case 'Id':
      return [target]
    case 'Arr':
      return target.items.flatMap((item) => (item ? patternNames(item) : []))
    case 'Obj':
      return target.props.flatMap((prop) => patternNames(prop.value))
    case 'Spread':
      return patternNames(target.arg)
    case 'Assign':
      return patternNames(target.target)
    default:
      return []
  }
}

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
  const use = op === '=' || isConst ? 'written' : 'updated'
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

export function isPattern(node: Node): boolean {
  return node.type === 'Paren' ? isPattern(node.body) : node.type === 'Arr' || node.type === 'Obj'
}

function bindConstant(p: Parser, target: Node): void {
  requireNames(p, target)
  for (const { name, start } of patternNames(target)) bindName(p, p.scope.function(), name, start, 'constant')
}

/** The right side of `=`: an expression, or an indented block. */
export function parseRightSide(p: Parser): Node {
  if (p.is('NEWLINE')) p.next()
  if (!p.is('INDENT')) return parseAssignedValue(p)
  return p.fresh(() => {
    if (keyAt(p, p.lx.start)) {
      p.next()
      const object = parseImplicitObject(p)
      if (p.is('NEWLINE')) p.next()
      p.expect('DEDENT', 'behind the object')
      return object
    }
    const block = parseBlock(p)
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

function rejectRestDefault(p: Parser, rest: Node): void {
  if (rest.type !== 'Assign') return
  p.lx.fail(
    'what gathers the rest has no default',
    rest.start,
    rest.end,
    'It is empty where nothing is left.',
  )
}
