import type { Class, Fn, Member, Node } from '../ast.ts'
import { parameters, parameterType, signature } from './declare-function.ts'
import { inferType, propertyName } from './infer-type.ts'
import type { TypeContext } from './infer-type.ts'
import { typeText } from './type-text.ts'

/** `class Name … { … }` with the types of its members. */
export function classBody(name: string, node: Class, context: TypeContext): string {
  const written = node.members.map((member) => declareMember(member, context))
  const lines = [...constructorFields(name, node, context), ...written.filter((line) => line !== undefined)]
  const body = lines.length === 0 ? '{}' : `{\n${lines.map((line) => `  ${line};\n`).join('')}}`
  const parent = node.parent ? ` extends ${parentName(node.parent)}${node.parentArguments ?? ''}` : ''
  return `class ${name}${typeText(node.typeParameters ?? '')}${parent} ${body}`
}

/** Whether a class extends the result of an expression, which a declaration cannot name. */
export function hasNamedParent({ parent }: Class): boolean {
  return parent === undefined || parentName(parent) !== ''
}

function parentName(parent: Node): string {
  if (parent.type === 'Id') return parent.name
  if (parent.type !== 'Member' || parent.optional) return ''
  const object = parentName(parent.object)
  return object === '' ? '' : `${object}.${parent.prop}`
}

function declareMember(member: Member, context: TypeContext): string | undefined {
  const { key, computed, isStatic, kind, value } = member
  const name = computed ? undefined : propertyName(key)
  if (name === undefined) return undefined
  const prefix = isStatic ? 'static ' : ''
  if (kind === 'method' && value?.type === 'Fn')
    return value.isConstructor
      ? `constructor${parameters(value, context)}`
      : `${prefix}${name}${signature(value, context)}`
  return `${prefix}${name}${member.optional ? '?' : ''}: ${memberType(member, context)}`
}

function memberType({ annotation, value }: Member, context: TypeContext): string {
  if (annotation !== undefined) return typeText(annotation)
  return value ? inferType(value, context) : 'any'
}

/** Properties that no member declares: parameters `@name`, and assignments to `@name` in the constructor. */
function constructorFields(name: string, node: Class, context: TypeContext): string[] {
  const made = node.members.find((member) => member.value?.type === 'Fn' && member.value.isConstructor)
  if (made?.value?.type !== 'Fn') return []
  const members = node.members.filter((member) => !member.isStatic).map(({ key }) => propertyName(key))
  const known = new Set([...members, ...(context.interfaces.get(name) ?? [])])
  const fields = new Map([...assignedFields(made.value, context), ...promotedFields(made.value, context)])
  return [...fields].filter(([field]) => !known.has(field)).map(([field, type]) => `${field}: ${type}`)
}

function promotedFields(fn: Fn, context: TypeContext): [string, string][] {
  return fn.params.flatMap((param) => {
    if (param.target.type !== 'Member') return []
    const type = parameterType(param, context)
    return [[param.target.prop, param.optional && type !== 'any' ? `${type} | undefined` : type]]
  })
}

function assignedFields(fn: Fn, context: TypeContext): [string, string][] {
  return fn.body.body.flatMap((node) => {
    if (node.type !== 'Assign' || node.op !== '=' || node.target.type !== 'Member') return []
    const { object, prop } = node.target
    if (object.type !== 'Keyword' || object.name !== 'this') return []
    return [[prop, inferType(node.value, context)]]
  })
}
