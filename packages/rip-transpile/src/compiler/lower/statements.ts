import type { Assign, Node, NodeOf } from '../ast.ts'
import { isPattern, patternNames } from '../parser/assignments.ts'
import { assignment, patternAssignment } from './assignments.ts'
import { lowerClass } from './classes.ts'
import { expression, isGuard, isStatementLike } from './expressions.ts'
import { functionDeclaration } from './functions.ts'
import {
  assign,
  block,
  call,
  declare,
  id,
  ifs,
  isNullish,
  logical,
  method,
  not,
  returns,
  statement,
  str,
  undefinedValue,
} from './js.ts'
import type { Js } from './js.ts'
import { lowerLoop, lowerWhile } from './loops.ts'
import { DISCARD } from './lowerer.ts'
import type { Lowerer, Sink } from './lowerer.ts'
import { lowerExport, lowerImport } from './modules.ts'
import { pattern, splitRest } from './patterns.ts'

/** A list of statements, whose last one gives its value to the sink. */
export function statements(l: Lowerer, nodes: readonly Node[], sink: Sink): Js[] {
  const out: Js[] = []
  for (const [at, node] of nodes.entries())
    out.push(...lowerStatement(l, node, at === nodes.length - 1 ? sink : DISCARD))
  return out
}

export function body(l: Lowerer, node: Node, sink: Sink): Js[] {
  return l.nested(() => statements(l, node.type === 'Block' ? node.body : [node], sink))
}

/** Gives a value to where it belongs. */
export function deliver(l: Lowerer, sink: Sink, value: Js, at: number | undefined = value.at): Js {
  switch (sink.kind) {
    case 'return':
      return returns(l.returned(value), at)
    case 'push':
      return statement(method(id(sink.array), 'push', [value]), at)
    case 'assign':
      return statement(sink.make(value), at)
    default:
      return statement(value, at)
  }
}

export function lowerStatement(l: Lowerer, node: Node, sink: Sink): Js[] {
  const at = node.start
  switch (node.type) {
    case 'Block':
      return statements(l, node.body, sink)
    case 'Erased':
      return []
    case 'Paren':
      if (sink.kind === 'discard' && (node.body.type === 'For' || node.body.type === 'While')) break
      if (isStatementLike(node.body) || isGuard(node.body)) return lowerStatement(l, node.body, sink)
      break
    case 'If':
      return [lowerIf(l, node, sink)]
    case 'Switch':
      return lowerSwitch(l, node, sink)
    case 'Try':
      return [lowerTry(l, node, sink)]
    case 'For':
      return lowerLoop(l, node, sink)
    case 'While':
      return lowerWhile(l, node, sink)
    case 'Return':
      return lowerReturn(l, node)
    case 'Throw':
      return [{ type: 'ThrowStatement', argument: expression(l, node.arg), at }]
    case 'Jump':
      checkJump(l, node)
      return [{ type: node.kind === 'break' ? 'BreakStatement' : 'ContinueStatement', label: null, at }]
    case 'Logical':
      if (isGuard(node)) return lowerGuard(l, node, sink)
      break
    case 'Assign':
      return lowerAssign(l, node, sink)
    case 'Fn':
      if (node.kind !== 'def') break
      if (sink.kind === 'discard') return [functionDeclaration(l, node)]
      return [functionDeclaration(l, node), deliver(l, sink, id(node.name ?? '', node.nameStart))]
    case 'Class':
      if (!node.name) break
      if (sink.kind === 'discard') return [lowerClass(l, node, 'ClassDeclaration')]
      return [lowerClass(l, node, 'ClassDeclaration'), deliver(l, sink, id(node.name, node.nameStart))]
    case 'Import':
      return lowerImport(l, node)
    case 'ExportNames':
    case 'ExportAll':
    case 'ExportDefault':
    case 'Export':
      return lowerExport(l, node)
    case 'Reactive':
      return lowerReactive(l, node, sink)
    case 'Enum':
      return lowerEnum(l, node)
    default:
  }
  return [deliver(l, sink, expression(l, node), at)]
}

function checkJump(l: Lowerer, node: NodeOf<'Jump'>): void {
  if (node.kind === 'break' ? l.breakable > 0 : l.loops > 0) return
  l.fail(`'${node.kind}' has no loop to act on here`, node, 'Move it into a statement of the loop itself.')
}

function lowerReturn(l: Lowerer, node: NodeOf<'Return'>): Js[] {
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
  if (isStatementLike(node.arg)) return lowerStatement(l, node.arg, { kind: 'return' })
  return [returns(l.returned(expression(l, node.arg)), at)]
}

function lowerIf(l: Lowerer, node: NodeOf<'If'>, sink: Sink): Js {
  const test = expression(l, node.test)
  const consequent = body(l, node.consequent, sink)
  const otherwise = node.otherwise ? body(l, node.otherwise, sink) : missing(l, sink)
  return ifs(test, consequent, otherwise, node.start)
}

/** A branch that is not there still gives `undefined` where it matters. */
function missing(l: Lowerer, sink: Sink): Js[] {
  return sink.kind === 'push' || sink.kind === 'assign' ? [deliver(l, sink, undefinedValue())] : []
}

function lowerSwitch(l: Lowerer, node: NodeOf<'Switch'>, sink: Sink): Js[] {
  if (!node.subject) return lowerCondSwitch(l, node, sink)
  const cases: Js[] = []
  l.breakable++
  for (const part of node.cases) {
    const lines = body(l, part.body, sink)
    const tests = part.tests.map((test) => expression(l, test))
    for (const test of tests.slice(0, -1))
      cases.push({ type: 'SwitchCase', test, consequent: [], at: part.start })
    const test = tests[tests.length - 1]!
    cases.push({ type: 'SwitchCase', test, consequent: caseBody(lines), at: part.start })
  }
  const fallback = node.otherwise ? body(l, node.otherwise, sink) : missing(l, sink)
  l.breakable--
  if (node.otherwise || fallback.length > 0)
    cases.push({ type: 'SwitchCase', test: null, consequent: fallback, at: node.otherwise?.start })
  return [{ type: 'SwitchStatement', discriminant: expression(l, node.subject), cases, at: node.start }]
}

const LEAVES: ReadonlySet<string> = new Set([
  'ReturnStatement',
  'ThrowStatement',
  'BreakStatement',
  'ContinueStatement',
])

function caseBody(lines: Js[]): Js[] {
  const last = lines[lines.length - 1]
  const full = last && LEAVES.has(last.type) ? lines : [...lines, { type: 'BreakStatement', label: null }]
  const declares = lines.some((line) => line.type.endsWith('Declaration'))
  return declares ? [block(full)] : full
}

function lowerCondSwitch(l: Lowerer, node: NodeOf<'Switch'>, sink: Sink): Js[] {
  let otherwise = node.otherwise ? body(l, node.otherwise, sink) : missing(l, sink)
  for (const part of node.cases.toReversed()) {
    const test = part.tests
      .map((each) => expression(l, each))
      .reduce((left, right) => logical('||', left, right))
    otherwise = [ifs(test, body(l, part.body, sink), otherwise, part.start)]
  }
  return otherwise
}

function lowerTry(l: Lowerer, node: NodeOf<'Try'>, sink: Sink): Js {
  const tried = body(l, node.block, sink)
  let handler: Js | null = null
  if (node.handler && node.scope) {
    handler = l.within(node.scope, () => caught(l, node.param, () => body(l, node.handler!, sink)))
  } else if (!node.finalizer) handler = { type: 'CatchClause', param: null, body: block(missing(l, sink)) }
  const finalizer = node.finalizer ? block(body(l, node.finalizer, DISCARD)) : null
  return { type: 'TryStatement', block: block(tried), handler, finalizer, at: node.start }
}

/** A clause for what is thrown; a pattern is assigned, which JavaScript would declare. */
function caught(l: Lowerer, param: Node | undefined, make: () => Js[]): Js {
  if (!param || param.type === 'Id')
    return { type: 'CatchClause', param: param ? pattern(l, param) : null, body: block(make()) }
  hoistNames(l, patternNames(param))
  const error = id(l.fresh('error'), param.start)
  const assigned = statement(patternAssignment(l, param, error, false), param.start)
  return { type: 'CatchClause', param: error, body: block([assigned, ...make()]) }
}

/** `value or return`, where the right side leaves. */
function lowerGuard(l: Lowerer, node: NodeOf<'Logical'>, sink: Sink): Js[] {
  const leave = body(l, node.right, DISCARD)
  if (sink.kind === 'discard')
    return [ifs(guardTest(node.op, expression(l, node.left)), leave, undefined, node.start)]
  const name = l.temp('value')
  const test = guardTest(node.op, assign(id(name), expression(l, node.left)))
  return [ifs(test, leave, undefined, node.start), deliver(l, sink, id(name), node.start)]
}

function guardTest(op: string, value: Js): Js {
  if (op === '||') return not(value)
  return op === '&&' ? value : isNullish(value)
}

/** How the names of a target are declared by this very statement, if they are. */
function declaringKind(l: Lowerer, node: Assign): 'const' | 'let' | undefined {
  if (node.op !== '=') return undefined
  if (node.isConst) return 'const'
  const names = patternNames(node.target)
  if (names.length === 0 || hasMembers(node.target)) return hoistNames(l, names)
  let kind: 'const' | 'let' = 'const'
  for (const { name, start } of names) {
    const declared = l.fn.scope.declared.get(name)
    if (!l.atTop || declared?.at !== start || declared.kind === 'hoist') return hoistNames(l, names)
    if (declared.kind === 'let') kind = 'let'
  }
  return kind
}

function hasMembers(target: Node): boolean {
  if (target.type === 'Member' || target.type === 'Index') return true
  if (target.type === 'Arr') return target.items.some((item) => item !== null && hasMembers(item))
  if (target.type === 'Obj') return target.props.some((prop) => hasMembers(prop.value))
  if (target.type === 'Spread') return hasMembers(target.arg)
  return target.type === 'Assign' && hasMembers(target.target)
}

export function hoistNames(l: Lowerer, names: readonly { name: string; start: number }[]): undefined {
  for (const { name, start } of names) {
    if (l.fn.scope.declared.get(name)?.at === start) l.fn.hoisted.add(name)
  }
}

function lowerAssign(l: Lowerer, node: Assign, sink: Sink): Js[] {
  const at = node.start
  const guard = unwrapped(node.value)
  if (isGuard(guard) && node.op === '=') {
    const { left, right, op } = guard
    const first = lowerAssign(l, { ...node, value: left }, DISCARD)
    const tail = sink.kind === 'discard' ? [] : [deliver(l, sink, pattern(l, node.target), at)]
    const test = guardTest(op, expression(l, node.target))
    return [...first, ifs(test, body(l, right, DISCARD), undefined, right.start), ...tail]
  }
  // The value of an assignment to a pattern is what is assigned, which a declaration does not give.
  const isWhole = splitRest(node.target) !== undefined || (sink.kind !== 'discard' && isPattern(node.target))
  const kind = isWhole ? hoistNames(l, patternNames(node.target)) : declaringKind(l, node)
  const simple = node.target.type === 'Id' && !l.scope.owner(node.target.name)?.reactive.has(node.target.name)
  if (node.op === '=' && simple && isStatementLike(node.value) && !isShort(node.value)) {
    const name = node.target.type === 'Id' ? node.target.name : ''
    const make = (value: Js): Js => assign(id(name, node.target.start), value)
    const lines = l.nested(() => lowerStatement(l, node.value, { kind: 'assign', make }))
    const tail = sink.kind === 'discard' ? [] : [deliver(l, sink, id(name, at), at)]
    return [...(kind ? [declare('let', id(name, at), null, at)] : []), ...lines, ...tail]
  }
  if (!kind) return [deliver(l, sink, assignment(l, node, sink.kind !== 'discard'), at)]
  const value = expression(l, node.value)
  const declaration = declare(kind, pattern(l, node.target), value, at)
  if (sink.kind === 'discard') return [declaration]
  return [
    declaration,
    deliver(l, sink, node.target.type === 'Id' ? id(node.target.name, at) : expression(l, node.target), at),
  ]
}

function unwrapped(node: Node): Node {
  return node.type === 'Paren' ? unwrapped(node.body) : node
}

/** A choice between two plain values reads better as `? :`. */
function isShort(node: Node): boolean {
  if (node.type !== 'If') return false
  return [node.consequent, node.otherwise].every((branch) => {
    const only = branch?.type === 'Block' && branch.body.length === 1 ? branch.body[0] : branch
    return only !== undefined && ['Id', 'Num', 'Str', 'Keyword', 'Member'].includes(only.type)
  })
}

function lowerReactive(l: Lowerer, node: NodeOf<'Reactive'>, sink: Sink): Js[] {
  const value = reactiveValue(l, node)
  if (!node.name) return [deliver(l, sink, value, node.start)]
  const declaration = declare('const', id(node.name.name, node.name.start), value, node.start)
  if (sink.kind === 'discard') return [declaration]
  return [declaration, deliver(l, sink, expression(l, node.name), node.start)]
}

export function reactiveValue(l: Lowerer, node: NodeOf<'Reactive'>): Js {
  const make = l.use(`__${node.kind}`, node.name ? l.operatorAfter(node.name) : node.start)
  return call(make, [expression(l, node.value)])
}

function lowerEnum(l: Lowerer, node: NodeOf<'Enum'>): Js[] {
  const props: Js[] = []
  const property = (key: Js, value: Js, computed = false): Js => ({
    type: 'Property',
    kind: 'init',
    key,
    value,
    computed,
    shorthand: false,
    method: false,
  })
  for (const { key, keyStart, value } of node.members) {
    const name = /^[\w$]+$/.test(key) ? id(key, keyStart) : str(key, keyStart)
    props.push(property(name, expression(l, value)))
  }
  for (const { key, keyStart, value } of node.members) {
    const simple = value.type === 'Num' || value.type === 'Str'
    props.push(property(expression(l, value), str(key, keyStart), !simple))
  }
  return [
    declare(
      'const',
      id(node.name.name, node.name.start),
      { type: 'ObjectExpression', properties: props },
      node.start,
    ),
  ]
}
