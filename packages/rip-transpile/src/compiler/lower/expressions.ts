import type { Fn, Node, NodeOf, Property } from '../ast.ts'
import { assignment, methodAssign, optionalPart, whenPresent } from './assignments.ts'
import { lowerClass } from './classes.ts'
import { functionValue, thinFunction } from './functions.ts'
import {
  array,
  arrow,
  assign,
  binary,
  block,
  call,
  conditional,
  declare,
  id,
  index,
  keyword,
  logical,
  member,
  method,
  raw,
  returns,
  sequence,
  spread,
  standard,
  statement,
  str,
  unary,
  undefinedValue,
} from './js.ts'
import type { Js } from './js.ts'
import { loopStatements } from './loops.ts'
import { isRepeatable, RETURN } from './lowerer.ts'
import type { Lowerer } from './lowerer.ts'
import { arithmetic, lowerMatch, lowerRegexIndex, membership, pick, rangeArray, slice } from './operators.ts'
import { lowerSchema } from './schema.ts'
import { body, reactiveValue } from './statements.ts'

const STATEMENTS: ReadonlySet<string> = new Set([
  'If',
  'Switch',
  'Try',
  'For',
  'While',
  'Block',
  'Return',
  'Throw',
  'Jump',
])

/** Whether a node is a statement in JavaScript. */
export function isStatementLike(node: Node): boolean {
  return STATEMENTS.has(node.type) || (node.type === 'Paren' && isStatementLike(node.body))
}

/** Whether a node is `value or return` and the like. */
export function isGuard(node: Node): node is NodeOf<'Logical'> {
  return (
    node.type === 'Logical' &&
    (node.right.type === 'Return' || node.right.type === 'Throw' || node.right.type === 'Jump')
  )
}

export function propertyKey(l: Lowerer, prop: { key: Node; computed: boolean }): Js {
  const { key } = prop
  if (prop.computed) return expression(l, key)
  if (key.type === 'Id') return id(key.name, key.start)
  return expression(l, key)
}

function property(l: Lowerer, prop: Property): Js {
  if (prop.kind === 'spread') return spread(expression(l, prop.key), prop.start)
  if (prop.value.type === 'Fn' && prop.value.kind === 'thin') return functionProperty(l, prop, prop.value)
  const value = expression(l, prop.value)
  const shorthand = prop.kind === 'shorthand' && value.type === 'Identifier'
  return {
    type: 'Property',
    kind: 'init',
    key: propertyKey(l, prop),
    value,
    computed: prop.computed,
    shorthand,
    method: false,
  }
}

/** A function is a method of its object if it has `super`. */
function functionProperty(l: Lowerer, prop: Property, fn: Fn): Js {
  const key = propertyKey(l, prop)
  const { usesSuper, ...value } = thinFunction(l, fn, key)
  const { computed } = prop
  return { type: 'Property', kind: 'init', key, value, computed, shorthand: false, method: usesSuper }
}

export function expressions(l: Lowerer, nodes: readonly (Node | null)[]): Js[] {
  return nodes.map((node) => node && expression(l, node)) as Js[]
}

/** A node as a JavaScript expression. */
export function expression(l: Lowerer, node: Node): Js {
  const { atTop } = l
  l.atTop = false
  const js = lower(l, node)
  l.atTop = atTop
  return js
}

function lower(l: Lowerer, node: Node): Js {
  const at = node.start
  switch (node.type) {
    case 'Id':
      return l.hasReactive && l.scope.owner(node.name)?.reactive.has(node.name)
        ? member(id(node.name, at), 'value')
        : id(node.name, at)
    case 'Num':
      return { type: 'Literal', value: 0, raw: node.raw, at }
    case 'Str':
      return str(node.value, at)
    case 'Template':
      return template(l, node, false)
    case 'Tagged':
      return tagged(l, node)
    case 'Schema':
      return lowerSchema(l, node)
    case 'Regex':
      return {
        type: 'Literal',
        raw: `/${node.pattern}/${node.flags}`,
        value: null,
        regex: { pattern: node.pattern, flags: node.flags },
        at,
      }
    case 'DynamicRegex':
      return call(id('RegExp', at), [expression(l, node.source), ...(node.flags ? [str(node.flags)] : [])])
    case 'Raw':
      return embedded(l, node)
    case 'Keyword':
      if (node.name === 'super')
        l.fail("'super' is called or has a member", node, 'Write super() with its arguments.')
      if (node.name === 'new.target' && !l.fn.hasOwnThis)
        l.fail("'new.target' is not in a function", node, 'Move it to the constructor of a class.')
      return keyword(node.name, at)
    case 'Arr':
      return array(expressions(l, node.items), at)
    case 'Obj':
      return { type: 'ObjectExpression', properties: node.props.map((prop) => property(l, prop)), at }
    case 'ObjFor':
      return objectLoop(l, node)
    case 'MapLit':
      return {
        type: 'NewExpression',
        callee: { ...id('Map'), till: at },
        arguments:
          node.entries.length === 0
            ? []
            : [
                array(
                  node.entries.map((entry) =>
                    Array.isArray(entry) ? array(expressions(l, entry)) : expression(l, entry),
                  ),
                ),
              ],
        at,
        till: node.end,
      }
    case 'Symbol':
      return standard('Symbol', 'for', [str(node.name)], at)
    case 'Paren': {
      const inner = expression(l, node.body)
      return hasOptional(inner) ? { type: 'ParenthesizedExpression', expression: inner } : inner
    }
    case 'Spread':
      if (node.arg.type === 'Erased') l.fail('nothing is spread here', node, 'Write `...values`.')
      return spread(expression(l, node.arg), at)
    case 'Call':
      return lowerCall(l, node)
    case 'New':
      return {
        type: 'NewExpression',
        // What is thrown in the constructor, or is an error itself, has the place of the parenthesis.
        callee: { ...expression(l, node.callee), till: at },
        arguments: expressions(l, node.args),
        at,
        till: l.bracketEnd(node),
      }
    case 'Member':
      if (l.superArguments && node.object.type === 'Keyword' && l.fn.promoted.has(node.prop))
        return id(l.fn.promoted.get(node.prop)!, l.nameAtEnd(node, node.prop))
      return memberOf(l, objectOf(l, node.object), node)
    case 'Index':
      return lowerIndex(l, node)
    case 'Slice':
      return slice(l, node)
    case 'RegexIndex':
      return lowerRegexIndex(l, node)
    case 'Pick':
      return pick(l, node)
    case 'Range':
      return rangeArray(l, node)
    case 'Unary':
      return lowerUnary(l, node)
    case 'Update':
      return update(l, node)
    case 'Binary':
      return lowerBinary(l, node)
    case 'Logical':
      return logical(node.op, expression(l, node.left), expression(l, node.right))
    case 'Chain':
      return chain(l, node)
    case 'In':
      return membership(l, node)
    case 'Match':
      return lowerMatch(l, node)
    case 'Ternary':
      return conditional(
        expression(l, node.test),
        expression(l, node.consequent),
        expression(l, node.otherwise),
      )
    case 'Exists':
      return binary('!=', expression(l, node.arg), raw('null'))
    case 'Presence':
      return conditional(expression(l, node.arg), raw('true'), undefinedValue())
    case 'Assign':
      return assignment(l, node, true)
    case 'MethodAssign':
      return methodAssign(l, node)
    case 'Merge':
      return standard(
        'Object',
        'assign',
        [
          assign(expression(l, node.target), { type: 'ObjectExpression', properties: [] }, '??='),
          expression(l, node.value),
        ],
        at,
      )
    case 'Await':
      l.sawAwait = true
      return { type: 'AwaitExpression', argument: expression(l, node.arg), at }
    case 'Yield':
      l.sawYield = true
      return {
        type: 'YieldExpression',
        argument: node.arg ? expression(l, node.arg) : null,
        delegate: node.delegate,
        at,
      }
    case 'Do':
      return call(expression(l, node.fn), doArguments(l, node.fn), l.bracketEnd(node))
    case 'If':
      return lowerChoice(l, node)
    case 'Fn':
      return functionValue(l, node)
    case 'Class':
      return lowerClass(l, node, 'ClassExpression')
    case 'Reactive':
      if (node.name)
        l.fail(
          'a reactive declaration is a statement of its own',
          node,
          `Declare ${node.name.name} on a line before.`,
        )
      return reactiveValue(l, node)
    case 'Block':
      if (node.body.length > 0 && node.body.every((part) => !isStatementLike(part) && part.type !== 'Assign'))
        return sequence(node.body.map((part) => expression(l, part)))
      return generated(l, node, () => body(l, node, RETURN))
    case 'Erased':
      return undefinedValue(at)
    default:
      return generated(l, node, () => body(l, node, RETURN))
  }
}

/** Statements in the place of a value: a function called at once. */
export function generated(l: Lowerer, node: Node, make: () => Js[]): Js {
  const at = node.start
  const { sawAwait, sawYield, loops, breakable } = l
  l.sawAwait = l.sawYield = false
  l.loops = l.breakable = 0
  l.generated++
  const lines = make()
  l.generated--
  Object.assign(l, { loops, breakable })
  const waits = l.sawAwait
  const yields = l.sawYield
  l.sawAwait ||= sawAwait
  l.sawYield ||= sawYield
  if (yields) {
    const fn = {
      type: 'FunctionExpression',
      id: null,
      params: [],
      body: block(lines),
      async: waits,
      generator: true,
      at,
      till: at,
    }
    return { type: 'YieldExpression', argument: method(fn, 'call', [raw('this')]), delegate: true, at }
  }
  const result = call({ ...arrow([], block(lines), waits), at, till: at }, [])
  return waits ? { type: 'AwaitExpression', argument: result, at } : result
}

function lowerChoice(l: Lowerer, node: NodeOf<'If'>): Js {
  const single = (branch: Node | undefined): Node | undefined =>
    branch?.type === 'Block' ? (branch.body.length === 1 ? branch.body[0] : undefined) : branch
  const consequent = single(node.consequent)
  const otherwise = single(node.otherwise)
  const plain = (branch: Node): boolean =>
    !isGuard(branch) &&
    (branch.type === 'If' || !isStatementLike(branch)) &&
    !(branch.type === 'Assign' && isStatementLike(branch.value))
  if (!consequent || (node.otherwise && !otherwise) || !plain(consequent) || (otherwise && !plain(otherwise)))
    return generated(l, node, () => body(l, node, RETURN))
  return conditional(
    expression(l, node.test),
    expression(l, consequent),
    otherwise ? expression(l, otherwise) : undefinedValue(),
  )
}

function template(l: Lowerer, node: NodeOf<'Template'>, tagged: boolean): Js {
  const last = node.quasis.length - 1
  const quasis = node.quasis.map((text, at) => {
    const escaped = tagged
      ? text.replace(/`/g, '\\`')
      : text.replace(/[\\`]/g, '\\$&').replace(/\$\{/g, '\\${').replace(/\r/g, '\\r')
    return { type: 'TemplateElement', value: { raw: escaped, cooked: text }, tail: at === last }
  })
  // What a tag throws has the place of the backtick, which is then the one of the tag.
  const at = tagged ? undefined : node.start
  return { type: 'TemplateLiteral', quasis, expressions: expressions(l, node.exprs), at }
}

/** JavaScript between backticks, which keeps its places; or the name of a variable of ours. */
function embedded(l: Lowerer, { code, start }: NodeOf<'Raw'>): Js {
  if (l.source[start] !== '`') return raw(code, start)
  return { ...raw(code, l.source.indexOf(code, start)), verbatim: true }
}

/** The member that a node names, of an object lowered already. */
export function memberOf(l: Lowerer, object: Js, node: NodeOf<'Member'>): Js {
  return member(object, node.prop, l.nameAtEnd(node, node.prop), node.optional)
}

function tagged(l: Lowerer, node: NodeOf<'Tagged'>): Js {
  const tag = expression(l, node.tag)
  if (hasOptional(tag)) l.fail('the tag of a text cannot be optional', node.tag, 'Call it with parentheses.')
  const quasi = node.quasi.type === 'Template' ? template(l, node.quasi, true) : expression(l, node.quasi)
  return { type: 'TaggedTemplateExpression', tag, quasi }
}

function hasOptional(js: Js): boolean {
  for (let at: Js | undefined = js; at; at = (at['object'] ?? at['callee']) as Js | undefined) {
    if (at['optional'] === true) return true
    if (at.type !== 'MemberExpression' && at.type !== 'CallExpression') return false
  }
  return false
}

function lowerCall(l: Lowerer, node: NodeOf<'Call'>): Js {
  const { superArguments } = l
  l.superArguments = node.callee.type === 'Keyword' && node.callee.name === 'super' && l.fn.promoted.size > 0
  const args = expressions(l, node.args)
  l.superArguments = superArguments
  const { callee } = node
  if (callee.type === 'Keyword' && callee.name === 'super')
    return call(parentOf(l, callee), args, l.bracketEnd(node))
  rejectBareParameter(l, node)
  return call(expression(l, callee), args, l.bracketEnd(node), node.optional)
}

/** `x => x + 1` calls `x` with a function, where JavaScript has a parameter. */
function rejectBareParameter(l: Lowerer, { callee, args: [fn] }: NodeOf<'Call'>): void {
  if (callee.type !== 'Id' || fn?.type !== 'Fn' || fn.kind !== 'fat' || fn.params.length > 0) return
  const { name } = callee
  if (l.source[callee.end] === '(' || l.scope.owner(name)) return
  if (!fn.scope.mentions.some((mention) => mention.name === name)) return
  l.fail(`'${name} =>' calls ${name}`, callee, `A parameter has parentheses: (${name}) => …`)
}

/** What `super()` calls: the constructor of the parent, or its method of the same name. */
function parentOf(l: Lowerer, node: NodeOf<'Keyword'>): Js {
  const parent = superObject(l, node)
  const name = l.fn.methodName
  if (name && name['name'] !== 'constructor') {
    const plain = { ...name, at: node.start, till: undefined }
    return name.type === 'Identifier' ? member(parent, name['name'] as string) : index(parent, plain)
  }
  if (!l.fn.callsParent) l.fail("'super()' has nothing to call", node, 'Let the class extend another one.')
  return parent
}

/** The object of an access, which may be `super`. */
function objectOf(l: Lowerer, node: Node): Js {
  return node.type === 'Keyword' && node.name === 'super' ? superObject(l, node) : expression(l, node)
}

function superObject(l: Lowerer, node: NodeOf<'Keyword'>): Js {
  if (!l.fn.methodName)
    l.fail(
      "'super' is not in a method",
      node,
      'Move it to a method of a class, or a function with => in one.',
    )
  l.fn.usesSuper = true
  return raw('super', node.start)
}

function lowerIndex(l: Lowerer, node: NodeOf<'Index'>): Js {
  const { index: at } = node
  if (at.type === 'Unary' && at.op === '-' && at.arg.type === 'Num')
    return call(
      member(expression(l, node.object), 'at', l.operatorAfter(node.object), node.optional),
      [expression(l, at)],
      node.end,
    )
  return index(objectOf(l, node.object), expression(l, at), node.optional)
}

function lowerUnary(l: Lowerer, node: NodeOf<'Unary'>): Js {
  const { arg } = node
  if (node.op === '!' && arg.type === 'Paren') return unary('!', expression(l, arg.body), node.start)
  return unary(node.op, expression(l, arg), node.start)
}

function update(l: Lowerer, node: NodeOf<'Update'>): Js {
  const guarded = optionalPart(node.arg)
  if (guarded) return whenPresent(l, guarded, node.arg, (arg) => update(l, { ...node, arg }))
  const { op: operator, prefix } = node
  return { type: 'UpdateExpression', operator, prefix, argument: expression(l, node.arg), at: node.start }
}

function lowerBinary(l: Lowerer, node: NodeOf<'Binary'>): Js {
  const left = expression(l, node.left)
  const right = expression(l, node.right)
  const at = l.operatorAfter(node.left)
  if (node.op === '*' && (node.left.type === 'Str' || node.left.type === 'Template'))
    return method(left, 'repeat', [right], at)
  return arithmetic(l, node.op, left, right, at)
}

/** Operators of numbers; `at` has the operator. */
function chain(l: Lowerer, node: NodeOf<'Chain'>): Js {
  let result: Js | undefined
  let left = expression(l, node.operands[0]!)
  for (const [at, op] of node.ops.entries()) {
    const operand = node.operands[at + 1]!
    let right = expression(l, operand)
    let next = right
    if (at < node.ops.length - 1 && !isRepeatable(operand)) {
      const name = l.temp()
      right = assign(id(name), right)
      next = id(name)
    }
    const test = binary(op, left, right)
    result = result ? logical('&&', result, test) : test
    left = next
  }
  return result!
}

function doArguments(l: Lowerer, fn: Node): Js[] {
  const inner = fn.type === 'Paren' ? fn.body : fn
  if (inner.type !== 'Fn') return []
  // Nothing is passed for an `it` that no parameter list names.
  const { params } = inner
  return params
    .filter(({ start, end }) => end > start)
    .map((param) =>
      param.init
        ? expression(l, param.init)
        : param.target.type === 'Id'
          ? id(param.target.name, param.target.start)
          : undefinedValue(),
    )
}

/** A value is made a key before what belongs to it is computed; most are keys already. */
function keyFirst(l: Lowerer, { prop: { key }, loop }: NodeOf<'ObjFor'>, js: Js): Js {
  const isKey =
    key.type === 'Str' ||
    key.type === 'Template' ||
    key.type === 'Num' ||
    (key.type === 'Id' && loop.kind === 'of' && loop.value?.type === 'Id' && loop.value.name === key.name)
  return isKey ? js : call(l.use('__propertyKey', key.start), [js])
}

/** An object of what a loop collects, whose keys are all its own, `__proto__` too. */
function objectLoop(l: Lowerer, node: NodeOf<'ObjFor'>): Js {
  return generated(l, node, () => {
    const name = l.fresh('entries')
    const loops = loopStatements(l, node.loop, (lines) => {
      const key =
        node.prop.computed || node.prop.key.type !== 'Id'
          ? expression(l, node.prop.key)
          : id(node.prop.key.name, node.prop.key.start)
      const entry = array([keyFirst(l, node, key), expression(l, node.prop.value)])
      return [...lines, statement(method(id(name), 'push', [entry]), node.prop.start)]
    })
    return [
      declare('const', id(name), array([]), node.start),
      ...loops,
      returns(call(l.use('__objectOf', node.start), [id(name)]), node.start),
    ]
  })
}
