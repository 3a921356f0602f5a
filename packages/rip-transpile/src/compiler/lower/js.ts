import type { BlockStatement, Identifier, Js } from './estree.ts'

export const id = (name: string, at?: number): Js => ({ type: 'Identifier', name, at })
export const num = (value: number, at?: number): Js =>
  value < 0 ? unary('-', num(-value), at) : { type: 'Literal', value, raw: String(value), at }
export const str = (value: string, at?: number): Js => ({ type: 'Literal', value, raw: quote(value), at })
/** Text that is printed unchanged. */
export const raw = (text: string, at?: number): Identifier => ({ type: 'Identifier', name: text, at })
/** A keyword: not an identifier, for which an object shorthand would be possible. */
export function keyword(name: string, at?: number): Js {
  if (name === 'this') return { type: 'ThisExpression', at }
  return CONSTANTS.has(name) ? { type: 'Literal', raw: name, value: null, at } : id(name, at)
}

const CONSTANTS: ReadonlySet<string> = new Set(['true', 'false', 'null'])

/** A call; `till` is the end of the call in the source, if it is written there. */
export const call = (callee: Js, args: Js[], till?: number, optional = false): Js => ({
  type: 'CallExpression',
  callee,
  arguments: args,
  optional,
  till,
})
/** `object.name`; `at` is the source offset of the name. */
export const member = (object: Js, name: string, at?: number, optional = false): Js => ({
  type: 'MemberExpression',
  object,
  property: id(name, at),
  computed: false,
  optional,
})
export const index = (object: Js, property: Js, optional = false): Js => ({
  type: 'MemberExpression',
  object,
  property,
  computed: true,
  optional,
})
/** `object.name(…)` for an operator at `at`. */
export const method = (object: Js, name: string, args: Js[], at?: number): Js =>
  call(member(object, name, at), args)
/** `Owner.name(…)` of a standard object, for an operator at `at`. */
export const standard = (owner: string, name: string, args: Js[], at: number): Js =>
  method(id(owner, at), name, args, at)
export const binary = (operator: string, left: Js, right: Js): Js => ({
  type: 'BinaryExpression',
  operator,
  left,
  right,
})
export const logical = (operator: string, left: Js, right: Js): Js => ({
  type: 'LogicalExpression',
  operator,
  left: guardMixed(operator, left),
  right: guardMixed(operator, right),
})
export const unary = (operator: string, argument: Js, at?: number): Js => ({
  type: 'UnaryExpression',
  operator,
  prefix: true,
  argument,
  at,
})
export const assign = (left: Js, right: Js, operator = '='): Js => ({
  type: 'AssignmentExpression',
  operator,
  left,
  right,
})
export const conditional = (test: Js, consequent: Js, alternate: Js): Js => ({
  type: 'ConditionalExpression',
  test,
  consequent,
  alternate,
})
export const statement = (expression: Js, at?: number): Js => ({
  type: 'ExpressionStatement',
  expression,
  at,
})
export const block = (body: Js[]): BlockStatement => ({ type: 'BlockStatement', body })
export const returns = (argument: Js | null, at?: number): Js => ({
  type: 'ReturnStatement',
  argument,
  at,
})
export const array = (elements: (Js | null)[], at?: number): Js => ({
  type: 'ArrayExpression',
  elements,
  at,
})
export const sequence = (expressions: Js[]): Js => ({ type: 'SequenceExpression', expressions })
export const spread = (argument: Js, at?: number): Js => ({ type: 'SpreadElement', argument, at })
export const undefinedValue = (at?: number): Js => id('undefined', at)
export const isNullish = (value: Js): Js => binary('==', value, raw('null'))
export const declare = (kind: string, left: Js, init: Js | null, at?: number): Js => ({
  type: 'VariableDeclaration',
  kind,
  declarations: [{ type: 'VariableDeclarator', id: left, init }],
  at,
})
export const ifs = (test: Js, consequent: Js[], otherwise?: Js[], at?: number): Js => {
  const alternate = otherwise && otherwise.length > 0 ? elseOf(otherwise) : null
  return { type: 'IfStatement', test, consequent: block(consequent), alternate, at }
}
export const arrow = (params: Js[], body: Js, async = false): Js => ({
  type: 'ArrowFunctionExpression',
  params,
  body: body.type !== 'ObjectExpression' && startsWithBrace(body) ? parenthesized(body) : body,
  async,
  expression: body.type !== 'BlockStatement',
})

export function not(test: Js): Js {
  return test.type === 'UnaryExpression' && test.operator === '!' ? test.argument : unary('!', test)
}

const parenthesized = (expression: Js): Js => ({ type: 'ParenthesizedExpression', expression })

/** The first part of an expression that begins with another one. */
function firstOf(node: Js): Js | undefined {
  switch (node.type) {
    case 'AssignmentExpression':
    case 'BinaryExpression':
    case 'LogicalExpression':
      return node.left
    case 'CallExpression':
      return node.callee
    case 'ConditionalExpression':
      return node.test
    case 'MemberExpression':
      return node.object
    case 'SequenceExpression':
      return node.expressions[0]
    case 'TaggedTemplateExpression':
      return node.tag
    case 'UpdateExpression':
      return node.prefix ? undefined : node.argument
    default:
      return undefined
  }
}

/** Whether the last operation of an expression may be a call whose result is the value of the expression. */
export function endsInCall(node: Js): boolean {
  switch (node.type) {
    case 'CallExpression':
    case 'TaggedTemplateExpression':
      return true
    case 'ConditionalExpression':
      return endsInCall(node.consequent) || endsInCall(node.alternate)
    case 'LogicalExpression':
      return endsInCall(node.right)
    case 'ParenthesizedExpression':
      return endsInCall(node.expression)
    case 'SequenceExpression':
      return endsInCall(node.expressions.at(-1)!)
    default:
      return false
  }
}

/** Whether the text of an expression starts with a brace, which would open the body of an arrow function. */
function startsWithBrace(node: Js): boolean {
  if (node.type === 'ObjectExpression' || node.type === 'ObjectPattern') return true
  const first = firstOf(node)
  return first !== undefined && startsWithBrace(first)
}

function elseOf(body: Js[]): Js {
  return body.length === 1 && body[0]!.type === 'IfStatement' ? body[0]! : block(body)
}

/** JavaScript refuses `??` next to `||` and `&&` without parentheses. */
function guardMixed(operator: string, node: Js): Js {
  if (node.type !== 'LogicalExpression') return node
  const mixed = (operator === '??') !== (node.operator === '??')
  return mixed ? { type: 'ParenthesizedExpression', expression: node } : node
}

/** A JavaScript string in single quotes, or double ones when that saves escapes. */
export function quote(value: string): string {
  const double = JSON.stringify(value)
    .replace(/\u2028/g, '\\u2028')
    .replace(/\u2029/g, '\\u2029')
  return double
}
