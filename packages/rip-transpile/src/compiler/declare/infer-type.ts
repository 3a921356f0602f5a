import type { Fn, Node, NodeOf } from '../ast.ts'
import { typeText } from './type-text.ts'

/** The types that are known in a module. */
export interface TypeContext {
  /** Types given to expressions by `as`. */
  readonly casts: ReadonlyMap<Node, string>
  /** Classes that the module declares. */
  readonly classes: ReadonlySet<string>
  /** Properties by the interface that declares them; a class of the same name has them, too. */
  readonly interfaces: ReadonlyMap<string, readonly string[]>
  /** The type of a function, which in turn infers the types of its parameters from their defaults. */
  readonly functionType: (fn: Fn, context: TypeContext) => string
}

const BUILT_IN: Readonly<Record<string, string>> = {
  Map: 'Map<any, any>',
  Set: 'Set<any>',
  WeakMap: 'WeakMap<any, any>',
  WeakSet: 'WeakSet<any>',
  Date: 'Date',
  Error: 'Error',
  TypeError: 'TypeError',
  RangeError: 'RangeError',
  RegExp: 'RegExp',
  Uint8Array: 'Uint8Array',
}

/** The type of a value without annotation: inferred for literals and other plain values, else `any`. */
export function inferType(node: Node, context: TypeContext): string {
  const cast = context.casts.get(node)
  if (cast !== undefined) return typeText(cast)
  switch (node.type) {
    case 'Num':
      return node.raw.endsWith('n') ? 'bigint' : 'number'
    case 'Str':
    case 'Template':
      return 'string'
    case 'Keyword':
      return node.name === 'true' || node.name === 'false' ? 'boolean' : 'any'
    case 'Regex':
    case 'DynamicRegex':
      return 'RegExp'
    case 'Symbol':
      return 'symbol'
    case 'Range':
      return 'number[]'
    case 'MapLit':
      return 'Map<any, any>'
    case 'Arr':
      return arrayType(node, context)
    case 'Obj':
      return objectType(node, context)
    case 'Fn':
      return context.functionType(node, context)
    case 'New':
      return instanceType(node, context)
    case 'Paren':
      return inferType(node.body, context)
    case 'Ternary':
      return common(inferType(node.consequent, context), inferType(node.otherwise, context))
    case 'Logical':
      return common(inferType(node.left, context), inferType(node.right, context))
    case 'In':
    case 'Exists':
    case 'Chain':
      return 'boolean'
    case 'Unary':
      return unaryType(node.op, inferType(node.arg, context))
    case 'Binary':
      return binaryType(node, context)
    default:
      return 'any'
  }
}

function arrayType(node: NodeOf<'Arr'>, context: TypeContext): string {
  const types = new Set(node.items.map((item) => (item ? inferType(item, context) : 'any')))
  const [only = 'any'] = types
  if (types.size > 1 || only === 'any') return 'any[]'
  return /^[\w$]+$/.test(only) ? `${only}[]` : `Array<${only}>`
}

function objectType(node: NodeOf<'Obj'>, context: TypeContext): string {
  const members = node.props.map(({ kind, key, computed, value }) => {
    const name = propertyName(key)
    if (kind === 'spread' || computed || name === undefined) return undefined
    return `${name}: ${inferType(value, context)}`
  })
  if (members.includes(undefined)) return '{ [name: string]: any }'
  return members.length === 0 ? '{}' : `{ ${members.join('; ')} }`
}

/** A key as it is written in a type; nothing for a computed key. */
export function propertyName(key: Node): string | undefined {
  if (key.type === 'Id') return key.name
  if (key.type === 'Num') return key.raw
  return key.type === 'Str' ? JSON.stringify(key.value) : undefined
}

function instanceType(node: NodeOf<'New'>, { classes }: TypeContext): string {
  if (node.callee.type !== 'Id') return 'any'
  const { name } = node.callee
  if (classes.has(name)) return name
  return Object.hasOwn(BUILT_IN, name) ? BUILT_IN[name]! : 'any'
}

function common(one: string, other: string): string {
  if (one === 'any' || other === 'any') return 'any'
  return one === other ? one : `${one} | ${other}`
}

function unaryType(op: string, argument: string): string {
  if (op === '!' || op === 'not' || op === 'delete') return 'boolean'
  if (op === 'typeof') return 'string'
  return argument === 'number' || argument === 'bigint' ? argument : 'any'
}

const COMPARISONS: ReadonlySet<string> = new Set([
  '===',
  '!==',
  '==',
  '!=',
  '<',
  '>',
  '<=',
  '>=',
  'is',
  'isnt',
])

function binaryType(node: NodeOf<'Binary'>, context: TypeContext): string {
  if (COMPARISONS.has(node.op) || node.op === 'instanceof' || node.op === 'of') return 'boolean'
  const left = inferType(node.left, context)
  const right = inferType(node.right, context)
  if (node.op === '+' && (left === 'string' || right === 'string')) return 'string'
  return left === right && (left === 'number' || left === 'bigint') ? left : 'any'
}
