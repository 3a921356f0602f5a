import type { Block, Fn, Node, Schema, SchemaField, SchemaLiteral } from '../ast.ts'
import { FIELD_TYPES } from '../schema-words.ts'
import { functionType } from './declare-function.ts'
import { inferType } from './infer-type.ts'
import type { TypeContext } from './infer-type.ts'

/** One line in the declaration file that a schema leads to. */
export interface SchemaLine {
  readonly text: string
  readonly isType: boolean
}

/** The schemas that a module declares at its top level or imports, by name; the body of an imported one is unknown. */
export type SchemaNames = ReadonlyMap<string, Schema | 'imported'>

/** The schemas that the types of a module may refer to. */
export function schemasOf(tree: Block): SchemaNames {
  const imported = tree.body.flatMap((node) =>
    node.type === 'Import' ? (node.names ?? []).map(({ local }) => [local, 'imported'] as const) : [],
  )
  return new Map<string, Schema | 'imported'>([
    ...imported,
    ...tree.body.map(namedSchema).filter((found) => found !== undefined),
  ])
}

/** Whether a module declares a schema. */
export function declaresSchema(tree: Block): boolean {
  return tree.body.some((node) => namedSchema(node) !== undefined)
}

function namedSchema(node: Node): [string, Schema] | undefined {
  if (node.type === 'Export') return namedSchema(node.declaration)
  if (node.type !== 'Assign' || node.target.type !== 'Id') return undefined
  const schema = schemaIn(node.value)
  return schema && [node.target.name, schema]
}

/** The schema in a value, if it is one. */
export function schemaIn(node: Node): Schema | undefined {
  if (node.type === 'Paren') return schemaIn(node.body)
  return node.type === 'Schema' ? node : undefined
}

const PROJECTIONS: ReadonlySet<string> = new Set(['pick', 'omit', 'partial', 'required', 'extend'])

/** Whether a value is a chain such as `User.pick("name").partial()` of a schema of the module. */
export function isProjection(node: Node, schemas: SchemaNames): boolean {
  if (node.type !== 'Call' || node.callee.type !== 'Member' || !PROJECTIONS.has(node.callee.prop))
    return false
  const { object } = node.callee
  return object.type === 'Id' ? isOwn(schemas.get(object.name)) : isProjection(object, schemas)
}

function isOwn(found: Schema | 'imported' | undefined): found is Schema {
  return found !== undefined && found !== 'imported'
}

/** Declares the types and the value of a schema under its name. */
export function schemaLines(
  name: string,
  schema: Schema,
  schemas: SchemaNames,
  context: TypeContext,
): SchemaLine[] {
  const data = dataType(schema, schemas)
  const behavior = behaviorType(schema, context)
  const isSplit = behavior !== ''
  const own = isSplit ? `${name}Data & { ${behavior} }` : data
  return [
    ...(isSplit ? [{ text: `type ${name}Data = ${data};`, isType: true }] : []),
    { text: `type ${name} = ${own};`, isType: true },
    { text: `const ${name}: ${valueType(name, schema, isSplit)};`, isType: false },
  ]
}

/** A schema derived from another one by `pick`, `omit` and the like. */
export function projectionLines(name: string, value: Node, schemas: SchemaNames): SchemaLine[] {
  return [
    { text: `type ${name} = ${projectedData(value, schemas)};`, isType: true },
    { text: `const ${name}: ${MODULE}.Schema<${name}>;`, isType: false },
  ]
}

function projectedData(node: Node, schemas: SchemaNames): string {
  if (node.type === 'Id') return dataName(node.name, schemas)
  if (node.type !== 'Call' || node.callee.type !== 'Member') return 'any'
  const { object, prop } = node.callee
  const from = projectedData(object, schemas)
  if (prop === 'partial') return `Partial<${from}>`
  if (prop === 'extend') return `${from} & ${extensionOf(node.args[0], schemas)}`
  const keys = node.args.map((arg) => (arg.type === 'Str' ? JSON.stringify(arg.value) : undefined))
  if (keys.includes(undefined) || keys.length === 0) return 'any'
  const list = keys.join(' | ')
  if (prop === 'pick') return `Pick<${from}, ${list}>`
  if (prop === 'omit') return `Omit<${from}, ${list}>`
  return `Omit<${from}, ${list}> & Required<Pick<${from}, ${list}>>`
}

function extensionOf(arg: Node | undefined, schemas: SchemaNames): string {
  const inline = arg && schemaIn(arg)
  if (inline) return dataType(inline, schemas)
  return arg?.type === 'Id' && schemas.has(arg.name) ? dataName(arg.name, schemas) : 'any'
}

function dataName(name: string, schemas: SchemaNames): string {
  const schema = schemas.get(name)
  return isOwn(schema) && hasBehavior(schema) ? `${name}Data` : name
}

const MODULE = "import('@rip/schema')"

/** The type of a schema without a name of its own. */
export function schemaType(schema: Schema, schemas: SchemaNames, context: TypeContext): string {
  const data = dataType(schema, schemas)
  const behavior = behaviorType(schema, context)
  const out = behavior === '' ? data : `${data} & { ${behavior} }`
  return `${MODULE}.${wrapper(schema)}<${out}${behavior === '' ? '' : `, ${data}`}>`
}

function valueType(name: string, schema: Schema, isSplit: boolean): string {
  return `${MODULE}.${wrapper(schema)}<${name}${isSplit ? `, ${name}Data` : ''}>`
}

function wrapper({ kind }: Schema): string {
  if (kind === 'enum') return 'EnumSchema'
  if (kind === 'union') return 'UnionSchema'
  return kind === 'mixin' ? 'MixinSchema' : 'Schema'
}

/** The fields of a schema, or the values of an enum or union. */
function dataType(schema: Schema, schemas: SchemaNames): string {
  const { entries, kind } = schema
  if (kind === 'enum') {
    const members = entries.filter((entry) => entry.tag === 'enum-member')
    return members.map(({ name, value }) => literalType(value ? value.value : name)).join(' | ') || 'never'
  }
  if (kind === 'union') return namesOf(entries, 'union-member').join(' | ')
  const fields = entries.filter((entry) => entry.tag === 'field').map((field) => fieldText(field, schemas))
  const mixins = namesOf(entries, 'mixin')
  const own = fields.length === 0 ? '{}' : `{ ${fields.join('; ')} }`
  return [own, ...mixins].join(' & ')
}

function namesOf(entries: Schema['entries'], tag: 'union-member' | 'mixin'): string[] {
  return entries.flatMap((entry) => (entry.tag === tag ? [entry.name] : []))
}

function literalType(value: SchemaLiteral): string {
  return typeof value === 'string' ? JSON.stringify(value) : String(value)
}

/** A field that is not required may be missing from the value, or null if the input says so. */
function fieldText(field: SchemaField, schemas: SchemaNames): string {
  const hasDefault = field.default !== undefined && field.default.value !== undefined
  const type = fieldType(field, schemas)
  if (field.modifiers.includes('!') || hasDefault) return `${field.name}: ${type}`
  return `${field.name}?: ${type}${NULLABLE.has(type) ? '' : ' | null'}`
}

const NULLABLE: ReadonlySet<string> = new Set(['any', 'unknown'])

function fieldType({ array, literals, typeName }: SchemaField, schemas: SchemaNames): string {
  const single = literals
    ? literals.map((text) => JSON.stringify(text)).join(' | ')
    : (ownType(typeName) ?? (schemas.has(typeName) ? typeName : 'any'))
  if (!array) return single
  return literals && literals.length > 1 ? `(${single})[]` : `${single}[]`
}

function ownType(typeName: string): string | undefined {
  return Object.hasOwn(FIELD_TYPES, typeName) ? FIELD_TYPES[typeName] : undefined
}

function hasBehavior({ entries }: Schema): boolean {
  return entries.some(({ tag }) => tag === 'method' || tag === 'computed' || tag === 'derived')
}

/** Members of values other than fields: methods and computed properties. */
function behaviorType({ entries }: Schema, context: TypeContext): string {
  const fields = new Map(
    entries.flatMap((entry) => (entry.tag === 'field' ? [[entry.name, requiredType(entry)] as const] : [])),
  )
  const members = entries.flatMap((entry) => {
    if (entry.tag === 'method') return [`${entry.name}: ${functionType(entry.fn, context)}`]
    if (entry.tag === 'computed') return [`readonly ${entry.name}: ${resultType(entry.fn, fields, context)}`]
    return entry.tag === 'derived' ? [`${entry.name}: ${resultType(entry.fn, fields, context)}`] : []
  })
  return members.join('; ')
}

/** The type of a required field that is no list, if it is a type of the language; else `any`. */
function requiredType(field: SchemaField): string {
  return field.modifiers.includes('!') && !field.array ? (ownType(field.typeName) ?? 'any') : 'any'
}

/** The return type of a function without annotation, if it can be inferred from a single expression. */
function resultType(
  { body, isAsync }: Fn,
  fields: ReadonlyMap<string, string>,
  context: TypeContext,
): string {
  const last = body.body.length === 1 ? body.body[0] : undefined
  const type = last ? (ownFieldType(last, fields) ?? inferType(last, context)) : 'any'
  return isAsync ? `Promise<${type}>` : type
}

function ownFieldType(node: Node, fields: ReadonlyMap<string, string>): string | undefined {
  if (node.type !== 'Member' || node.object.type !== 'Keyword' || node.object.name !== 'this')
    return undefined
  return fields.get(node.prop)
}
