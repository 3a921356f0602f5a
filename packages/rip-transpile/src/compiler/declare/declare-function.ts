import type { Fn, Node, Param } from '../ast.ts'
import { isFixedName } from '../parser/names.ts'
import { inferType, propertyName } from './infer-type.ts'
import type { TypeContext } from './infer-type.ts'
import { typeText } from './type-text.ts'

/** The signature after a name: `<T>(a: A, b?: B): R`. */
export function signature(fn: Fn, context: TypeContext): string {
  return `${parameters(fn, context)}: ${returnType(fn)}`
}

/** `(a: A) => R`. */
export function functionType(fn: Fn, context: TypeContext): string {
  return `${parameters(fn, context)} => ${returnType(fn)}`
}

/** Type parameters and parameters with their parentheses. */
export function parameters(fn: Fn, context: TypeContext): string {
  const { params } = fn
  const open = params.findIndex((param) => param.expansion || param.rest)
  const middle = open !== -1 && open < params.length - 1
  const fixed = middle ? params.slice(0, open) : params
  const list = fixed.map((param, at) => parameter(param, isTail(fixed, at), nameOf(param, at), context))
  // TypeScript allows a rest parameter only at the end.
  if (middle) list.push(`...${freshName('rest', fixed.map(nameOf))}: any[]`)
  return `${typeText(fn.typeParameters ?? '')}(${list.join(', ')})`
}

/** Whether all parameters from here on are optional. */
function isTail(params: readonly Param[], from: number): boolean {
  return params.slice(from).every((param) => param.rest || mayMiss(param))
}

function mayMiss(param: Param): boolean {
  return param.optional || param.init !== undefined
}

function parameter(param: Param, tail: boolean, name: string, context: TypeContext): string {
  const type = parameterType(param, context)
  if (param.rest) return `...${name}: ${type}`
  if (!mayMiss(param)) return `${name}: ${type}`
  if (tail) return `${name}?: ${type}`
  return `${name}: ${type === 'any' ? 'any' : `${type} | undefined`}`
}

/** Type of a parameter, also used for the property that a constructor parameter declares. */
export function parameterType(param: Param, context: TypeContext): string {
  if (param.annotation !== undefined) return typeText(param.annotation)
  if (param.rest) return 'any[]'
  if (param.target.type === 'Obj') return patternType(param.target)
  if (param.target.type === 'Arr') return 'any[]'
  return param.init ? inferType(param.init, context) : 'any'
}

function patternType(pattern: Node & { type: 'Obj' }): string {
  const open = pattern.props.some((prop) => prop.kind === 'spread')
  const members = pattern.props
    .filter((prop) => prop.kind !== 'spread')
    .map(({ key, value }) => `${propertyName(key) ?? 'any'}${value.type === 'Assign' ? '?' : ''}: any`)
  return `{ ${[...members, ...(open ? ['[name: string]: any'] : [])].join('; ')} }`
}

function nameOf({ target }: Param, at: number): string {
  if (target.type === 'Id') return target.name
  if (target.type === 'Member') return isFixedName(target.prop) ? `_${target.prop}` : target.prop
  return `${target.type === 'Obj' ? 'options' : 'values'}${at === 0 ? '' : at + 1}`
}

function freshName(base: string, taken: readonly string[]): string {
  return taken.includes(base) ? freshName(`_${base}`, taken) : base
}

const ASYNC_TYPE =
  /^(?:Promise|PromiseLike|AsyncGenerator|AsyncIterable|AsyncIterator|AsyncIterableIterator)\b/

function returnType(fn: Fn): string {
  const declared = fn.returnType === undefined ? undefined : typeText(fn.returnType)
  if (fn.isGenerator) return declared ?? `${fn.isAsync ? 'Async' : ''}Generator<any, any, any>`
  const type = declared ?? (fn.isVoid ? 'void' : 'any')
  return fn.isAsync && !ASYNC_TYPE.test(type) ? `Promise<${type}>` : type
}
