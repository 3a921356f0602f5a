/** A node of ESTree, as the printer takes it. */
export interface Js {
  type: string
  loc?: Location | undefined
  [field: string]: unknown
}

export interface Location {
  start: { line: number; column: number }
  end: { line: number; column: number }
}

export const id = (name: string, loc?: Location): Js => ({ type: 'Identifier', name, loc })
export const num = (value: number): Js =>
  value < 0 ? unary('-', num(-value)) : { type: 'Literal', value, raw: String(value) }
export const str = (value: string, loc?: Location): Js => ({ type: 'Literal', value, raw: quote(value), loc })
export const raw = (text: string, loc?: Location): Js => ({ type: 'Identifier', name: text, loc })
export const call = (callee: Js, args: Js[], loc?: Location, optional = false): Js => ({
  type: 'CallExpression',
  callee,
  arguments: args,
  optional,
  loc,
})
export const member = (object: Js, name: string, loc?: Location, optional = false): Js => ({
  type: 'MemberExpression',
  object,
  property: id(name, loc),
  computed: false,
  optional,
  loc,
})
export const index = (object: Js, property: Js, optional = false): Js => ({
  type: 'MemberExpression',
  object,
  property,
  computed: true,
  optional,
})
export const method = (object: Js, name: string, args: Js[]): Js => call(member(object, name), args)
export const binary = (operator: string, left: Js, right: Js, loc?: Location): Js => ({
  type: 'BinaryExpression',
  operator,
  left,
  right,
  loc,
})
export const logical = (operator: string, left: Js, right: Js, loc?: Location): Js => ({
  type: 'LogicalExpression',
  operator,
  left: guardMixed(operator, left),
  right: guardMixed(operator, right),
  loc,
})
export const unary = (operator: string, argument: Js, loc?: Location): Js => ({
  type: 'UnaryExpression',
  operator,
  prefix: true,
  argument,
  loc,
})
export const assign = (left: Js, right: Js, operator = '=', loc?: Location): Js => ({
  type: 'AssignmentExpression',
  operator,
  left,
  right,
  loc,
})
export const conditional = (test: Js, consequent: Js, alternate: Js, loc?: Location): Js => ({
  type: 'ConditionalExpression',
  test,
  consequent,
  alternate,
  loc,
})
export const statement = (expression: Js, loc?: Location): Js => ({
  type: 'ExpressionStatement',
  expression,
  loc: loc ?? expression.loc,
})
export const block = (body: Js[]): Js => ({ type: 'BlockStatement', body })
export const returns = (argument: Js | null, loc?: Location): Js => ({
  type: 'ReturnStatement',
  argument,
  loc,
})
export const array = (elements: (Js | null)[], loc?: Location): Js => ({
  type: 'ArrayExpression',
  elements,
  loc,
})
export const sequence = (expressions: Js[]): Js => ({ type: 'SequenceExpression', expressions })
export const spread = (argument: Js): Js => ({ type: 'SpreadElement', argument })
export const undefinedValue = (): Js => id('undefined')
export const isNullish = (value: Js): Js => binary('==', value, raw('null'))
export const declare = (kind: string, left: Js, init: Js | null, loc?: Location): Js => ({
  type: 'VariableDeclaration',
  kind,
  declarations: [{ type: 'VariableDeclarator', id: left, init }],
  loc,
})
export const ifs = (test: Js, consequent: Js[], otherwise?: Js[], loc?: Location): Js => {
  const alternate = otherwise && otherwise.length > 0 ? elseOf(otherwise) : null
  return { type: 'IfStatement', test, consequent: block(consequent), alternate, loc }
}
export const arrow = (params: Js[], body: Js, async = false): Js => ({
  type: 'ArrowFunctionExpression',
  params,
  body,
  async,
  expression: body.type !== 'BlockStatement',
})

export function not(test: Js): Js {
  return test.type === 'UnaryExpression' && test['operator'] === '!'
    ? (test['argument'] as Js)
    : unary('!', test)
}

function elseOf(body: Js[]): Js {
  return body.length === 1 && body[0]!.type === 'IfStatement' ? body[0]! : block(body)
}

/** JavaScript refuses `??` next to `||` and `&&` without parentheses. */
function guardMixed(operator: string, node: Js): Js {
  if (node.type !== 'LogicalExpression') return node
  const mixed = (operator === '??') !== (node['operator'] === '??')
  return mixed ? { type: 'ParenthesizedExpression', expression: node } : node
}

/** A JavaScript string in single quotes, or double ones when that saves escapes. */
export function quote(value: string): string {
  const double = JSON.stringify(value)
    .replace(/\u2028/g, '\\u2028')
    .replace(/\u2029/g, '\\u2029')
  return double
}
