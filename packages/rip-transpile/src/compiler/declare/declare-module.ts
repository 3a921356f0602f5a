import type { RuntimeDelivery } from '../../adapter.ts'
import type { Block, Class, Declares, Fn, ImportName, Node, NodeOf } from '../ast.ts'
import { classBody, hasNamedParent } from './declare-class.ts'
import { functionType, signature } from './declare-function.ts'
import {
  isProjection,
  projectionLines,
  schemaIn,
  schemaLines,
  schemasOf,
  schemaType,
} from './declare-schema.ts'
import type { SchemaLine, SchemaNames } from './declare-schema.ts'
import { inferType, propertyName } from './infer-type.ts'
import type { TypeContext } from './infer-type.ts'
import { declaredType, typeDeclaration } from './type-declaration.ts'
import { typeText } from './type-text.ts'

export interface DeclareModuleOptions {
  /** Types given to expressions by `as`. */
  readonly casts: ReadonlyMap<Node, string>
  /** The module that exports the types of reactive values. */
  readonly runtime: RuntimeDelivery
}

/** One declaration; it is written if it is exported or typed, or if a declaration that is written refers to it. */
interface Entry {
  readonly name: string
  /** Without the keyword (`export`, `declare`) that a declaration file needs. */
  readonly text: string
  readonly exported: boolean
  readonly wanted: boolean
  /**
   * Whether a type can refer to it by name; other declarations are referred to with `typeof` and in lists of exports.
   */
  readonly isType: boolean
}

/**
 * Text of a declaration file for a module or script: every declaration that is exported or typed, and those they refer
 * to. A type that the source does not write is inferred from a plain value, else it is `any`.
 */
export function declareModule(tree: Block, options: DeclareModuleOptions): string {
  const declared = new Declarations(tree, options)
  for (const node of tree.body) declared.add(node)
  return declared.print()
}

class Declarations {
  readonly #context: TypeContext
  readonly #runtime: RuntimeDelivery
  readonly #entries: Entry[] = []
  readonly #imports: (NodeOf<'Import'> | string)[] = []
  /** Lists of exports and default exports, which stand below the declarations they name. */
  readonly #exports: string[] = []
  readonly #schemas: SchemaNames

  constructor(tree: Block, { casts, runtime }: DeclareModuleOptions) {
    this.#schemas = schemasOf(tree)
    const classes = new Set(tree.body.map(classOf).filter((name) => name !== undefined))
    const interfaces = new Map(tree.body.map(interfaceOf).filter((found) => found !== undefined))
    this.#context = { casts, classes, interfaces, functionType }
    this.#runtime = runtime
  }

  add(node: Node): void {
    switch (node.type) {
      case 'Import':
        this.#imports.push(node)
        return
      case 'Export':
        return this.#declare(node.declaration, true)
      case 'ExportNames':
        this.#exports.push(`export { ${node.names.map(exportName).join(', ')} }${fromClause(node.from)};`)
        return
      case 'ExportAll':
        this.#exports.push(`export *${node.as ? ` as ${node.as}` : ''}${fromClause(node.from)};`)
        return
      case 'ExportDefault':
        return this.#declareDefault(node.value)
      default:
        this.#declare(node, false)
    }
  }

  print(): string {
    const written = this.#written()
    const lines = written.map(({ text, exported, isType }) => {
      if (exported) return `export ${text}`
      return /^(?:type|interface) /.test(text) && isType ? text : `declare ${text}`
    })
    const used = wordsOf([...lines, ...this.#exports].join('\n'))
    const imports = this.#imports.map((node) => importText(node, used)).filter((text) => text !== '')
    // An empty list of exports keeps TypeScript from exporting every declaration of a module, and makes a file without
    // exports a module.
    const hides = written.length === 0 || written.some(({ exported }) => !exported)
    const rest = hides ? [...this.#exports, 'export {};'] : this.#exports
    return [...imports, ...lines, ...rest].map((text) => `${text}\n`).join('')
  }

  #written(): Entry[] {
    const written = new Set(this.#entries.filter((entry) => entry.exported || entry.wanted))
    const values = wordsOf(this.#exports.filter((text) => !text.includes(' from ')).join('\n'))
    for (let before = -1; before !== written.size;) {
      before = written.size
      const text = [...written].map((entry) => entry.text).join('\n')
      const types = wordsOf(text)
      for (const [, name = ''] of text.matchAll(/\btypeof ([\w$]+)/g)) values.add(name)
      for (const entry of this.#entries)
        if (values.has(entry.name) || (entry.isType && types.has(entry.name))) written.add(entry)
    }
    return this.#entries.filter((entry) => written.has(entry))
  }

  #declare(node: Node, exported: boolean): void {
    switch (node.type) {
      case 'Erased':
        return node.declares && this.#declareErased(node.declares, exported)
      case 'Fn':
        return this.#declareFunction(node.name ?? '', node, exported)
      case 'Class':
        return this.#declareClass(node.name ?? '', node, exported)
      case 'Enum':
        return this.#push(node.name.name, enumText(node), exported, true, true)
      case 'Reactive':
        return this.#declareReactive(node, exported)
      case 'Assign':
        return this.#declareAssigned(node, exported)
      default:
    }
  }

  #declareErased(declares: Declares, exported: boolean): void {
    switch (declares.kind) {
      case 'import':
        this.#imports.push(declares.text)
        return
      case 'type':
        return this.#push(declaredType(declares.text), typeDeclaration(declares.text), exported, true, true)
      case 'binding':
        return this.#push(
          declares.name,
          `let ${declares.name}: ${typeText(declares.annotation)};`,
          exported,
          true,
        )
      default:
        this.#push(declares.fn.name ?? '', functionText(declares.fn, this.#context), exported, true)
    }
  }

  /** Overloads replace the signature of the function below them. */
  #declareFunction(name: string, fn: Fn, exported: boolean): void {
    if (this.#entries.some((entry) => entry.name === name)) return
    this.#push(name, functionText({ ...fn, name }, this.#context), exported, isTyped(fn))
  }

  #declareClass(name: string, node: Class, exported: boolean): void {
    const typed = node.typeParameters !== undefined || node.members.some(isTypedMember)
    if (hasNamedParent(node)) {
      this.#push(name, classBody(name, node, this.#context), exported, typed, true)
      return
    }
    const parent: Node = { type: 'Id', name: `${name}Parent`, start: node.start, end: node.start }
    this.#push(parent.name, `const ${parent.name}: any;`, false, false, true)
    this.#push(name, classBody(name, { ...node, parent }, this.#context), exported, typed, true)
  }

  #declareReactive({ name, kind, annotation, value }: NodeOf<'Reactive'>, exported: boolean): void {
    if (!name) return
    const inferred = kind === 'state' ? inferType(value, this.#context) : 'any'
    const type = reactiveType(kind, annotation === undefined ? inferred : typeText(annotation), this.#runtime)
    this.#push(name.name, `const ${name.name}: ${type};`, exported, annotation !== undefined)
  }

  #declareAssigned(node: NodeOf<'Assign'>, exported: boolean): void {
    const { target, value, annotation, isConst } = node
    if (target.type !== 'Id' || node.op !== '=') return
    const { name } = target
    if (annotation === undefined && value.type === 'Fn') return this.#declareFunction(name, value, exported)
    if (annotation === undefined && value.type === 'Class') return this.#declareClass(name, value, exported)
    if (this.#entries.some((entry) => entry.name === name)) return
    const lines = annotation === undefined ? this.#schemaLines(name, value) : []
    for (const { text, isType } of lines) this.#push(lineName(text), text, exported, true, isType)
    if (lines.length > 0) return
    const type = annotation === undefined ? inferType(value, this.#context) : typeText(annotation)
    const word = isConst || exported ? 'const' : 'let'
    this.#push(name, `${word} ${name}: ${type};`, exported, annotation !== undefined)
  }

  #schemaLines(name: string, value: Node): SchemaLine[] {
    const schema = schemaIn(value)
    if (schema) return schemaLines(name, schema, this.#schemas, this.#context)
    return isProjection(value, this.#schemas) ? projectionLines(name, value, this.#schemas) : []
  }

  #declareDefault(value: Node): void {
    const schema = schemaIn(value)
    if (schema) {
      const type = schemaType(schema, this.#schemas, this.#context)
      this.#push('_default', `const _default: ${type};`, false, true)
      this.#exports.push('export default _default;')
      return
    }
    if (value.type === 'Id') {
      this.#exports.push(`export default ${value.name};`)
      return
    }
    const name =
      'name' in value && typeof value.name === 'string' && value.type !== 'Keyword' ? value.name : '_default'
    if (value.type === 'Class') this.#declareClass(name, value, false)
    else if (value.type === 'Fn') this.#declareFunction(name, value, false)
    else this.#push(name, `const ${name}: ${inferType(value, this.#context)};`, false, true)
    this.#exports.push(`export default ${name};`)
  }

  #push(name: string, text: string, exported: boolean, wanted: boolean, isType = false): void {
    this.#entries.push({ name, text, exported, wanted, isType })
  }
}

/** The name that a line `type Name = …` or `const Name: …` declares. */
function lineName(text: string): string {
  return /^\w+ ([\w$]+)/.exec(text)?.[1] ?? ''
}

function classOf(node: Node): string | undefined {
  if (node.type === 'Export') return classOf(node.declaration)
  if (node.type === 'ExportDefault') return classOf(node.value)
  if (node.type === 'Class') return node.name
  return node.type === 'Assign' && node.value.type === 'Class' && node.target.type === 'Id'
    ? node.target.name
    : undefined
}

function interfaceOf(node: Node): [name: string, members: string[]] | undefined {
  if (node.type === 'Export') return interfaceOf(node.declaration)
  if (node.type !== 'Erased' || node.declares?.kind !== 'type') return undefined
  const text = typeDeclaration(node.declares.text)
  const members = [...text.matchAll(/^  (?:readonly )?([\w$]+)\??[:(]/gm)].map(([, name = '']) => name)
  return text.startsWith('interface') ? [declaredType(text), members] : undefined
}

function functionText(fn: Fn, context: TypeContext): string {
  return `function ${fn.name ?? ''}${signature(fn, context)};`
}

function isTyped({ returnType, typeParameters, params }: Fn): boolean {
  if (returnType !== undefined || typeParameters !== undefined) return true
  return params.some((param) => param.annotation !== undefined)
}

function isTypedMember({ annotation, value }: Class['members'][number]): boolean {
  return annotation !== undefined || (value?.type === 'Fn' && isTyped(value))
}

/** Values of an enum that are neither numbers nor text are computed; a declaration leaves them out. */
function enumText({ name, members }: NodeOf<'Enum'>): string {
  const lines = members.map(({ key, value }) => {
    const label = propertyName({ type: 'Str', value: key, start: 0, end: 0 })!
    const plain = /^[A-Za-z_$][\w$]*$/.test(key) ? key : label
    if (value.type === 'Num') return `  ${plain} = ${value.raw}`
    return value.type === 'Str' ? `  ${plain} = ${JSON.stringify(value.value)}` : `  ${plain}`
  })
  return `enum ${name.name} {\n${lines.join(',\n')}\n}`
}

function reactiveType(kind: NodeOf<'Reactive'>['kind'], type: string, runtime: RuntimeDelivery): string {
  const name = { state: 'State', computed: 'Computed', effect: 'Effect' }[kind]
  if (runtime === 'import')
    return `import('@rip/transpile/runtime').${name}${kind === 'effect' ? '' : `<${type}>`}`
  if (kind === 'effect') return '{ (): void; stop(): void; run(): void; cancel(): void }'
  return `{ ${kind === 'computed' ? 'readonly ' : ''}value: ${type}; read(): ${type} }`
}

function exportName({ imported, local, isType }: ImportName): string {
  const name = imported === local ? local : `${local} as ${imported}`
  return isType ? `type ${name}` : name
}

function fromClause(from: string | undefined): string {
  return from === undefined ? '' : ` from ${JSON.stringify(from)}`
}

/** The part of an import that the written declarations use. */
function importText(node: NodeOf<'Import'> | string, used: ReadonlySet<string>): string {
  if (typeof node === 'string') {
    const names = node.match(/[A-Za-z_$][\w$]*/g) ?? []
    return names.some((name) => used.has(name)) ? `${node.replace(/;$/, '')};` : ''
  }
  const base = node.base && used.has(node.base.local) ? node.base.local : ''
  const all = node.namespace && used.has(node.namespace.local) ? `* as ${node.namespace.local}` : ''
  const names = (node.names ?? [])
    .filter(({ local }) => used.has(local))
    .map(({ imported, local }) => (imported === local ? local : `${imported} as ${local}`))
  const list = names.length === 0 ? '' : `{ ${names.join(', ')} }`
  const parts = [base, all, list].filter((part) => part !== '')
  return parts.length === 0 ? '' : `import ${parts.join(', ')}${fromClause(node.from)};`
}

/** Names that a declaration refers to, without names of members. */
function wordsOf(text: string): Set<string> {
  return new Set(text.match(/(?<![.\w$])[A-Za-z_$][\w$]*(?!\??:)(?![\w$])/g))
}
