import { extendFields, omitFields, partialFields, pickFields, requiredFields } from './algebra.ts'
import type { Keys } from './algebra.ts'
import { ArraySchema, resultOf } from './array-schema.ts'
import type { SchemaDescription, SchemaKind } from './description.ts'
import { EnumValidator } from './enum-validator.ts'
import { jsonSchemaOf } from './json-schema.ts'
import { MixinValidator } from './mixin-validator.ts'
import { normalize } from './normalize.ts'
import type { Parts } from './normalize.ts'
import type { Construct } from './object-builder.ts'
import { ObjectValidator } from './object-validator.ts'
import type { RuntimeState } from './runtime-state.ts'
import { SchemaError } from './schema-error.ts'
import type { SchemaIssue } from './schema-error.ts'
import { standardProps } from './standard-schema.ts'
import type { StandardProps } from './standard-schema.ts'
import { UnionValidator } from './union-validator.ts'
import type { Validator } from './validator.ts'

type Result = ReturnType<typeof resultOf>

/** A schema, made from `schema :kind` and its body. Its parts are computed at the first use. */
export class SchemaDef {
  readonly kind: SchemaKind
  readonly name: string | undefined
  readonly description: SchemaDescription
  readonly runtime: RuntimeState
  #parts: Parts | undefined
  #validator: Validator | undefined
  #array: ArraySchema | undefined
  #standard: StandardProps | undefined
  #async: { version: number; value: boolean } | undefined

  constructor(description: SchemaDescription, runtime: RuntimeState) {
    this.kind = description.kind
    this.name = description.name
    this.description = description
    this.runtime = runtime
    // Internal properties are hidden when a schema is printed.
    for (const key of ['description', 'runtime']) Object.defineProperty(this, key, { enumerable: false })
  }

  /**
   * Validates the data and returns the value.
   *
   * @throws {SchemaError} When the data is not accepted; it lists all issues.
   * @throws {Error} When the schema has asynchronous rules (`@ensure!`), or is a mixin.
   */
  parse(data: unknown): unknown {
    this.#requireInstantiable()
    const issues: SchemaIssue[] = []
    const value = this.run(data, issues)
    return this.#orThrow(value, issues)
  }

  /** Like {@link parse}, but returns the issues instead of throwing. */
  safe(data: unknown): Result {
    const issues: SchemaIssue[] = []
    const value = this.run(data, issues)
    return resultOf(value, issues)
  }

  /** Whether the data is accepted. */
  ok(data: unknown): boolean {
    const issues: SchemaIssue[] = []
    this.run(data, issues)
    return issues.length === 0
  }

  async parseAsync(data: unknown): Promise<unknown> {
    this.#requireInstantiable()
    const issues: SchemaIssue[] = []
    return this.#orThrow(await this.runAsync(data, issues), issues)
  }

  async safeAsync(data: unknown): Promise<Result> {
    const issues: SchemaIssue[] = []
    return resultOf(await this.runAsync(data, issues), issues)
  }

  async okAsync(data: unknown): Promise<boolean> {
    return (await this.safeAsync(data)).ok
  }

  /** The schema of lists of this schema's values. */
  get array(): ArraySchema {
    return (this.#array ??= new ArraySchema(this))
  }

  /** https://standardschema.dev */
  get '~standard'(): StandardProps {
    return (this.#standard ??= standardProps(this))
  }

  /** A shape with only these fields. */
  pick(...keys: Keys): SchemaDef {
    return this.#derived(pickFields(this, keys))
  }

  /** A shape without these fields. */
  omit(...keys: Keys): SchemaDef {
    return this.#derived(omitFields(this, keys))
  }

  /** A shape with all fields optional. */
  partial(): SchemaDef {
    return this.#derived(partialFields(this))
  }

  /** A shape with these fields required. */
  required(...keys: Keys): SchemaDef {
    return this.#derived(requiredFields(this, keys))
  }

  /** A shape that also has the fields of another schema. */
  extend(other: SchemaDef): SchemaDef {
    return this.#derived(extendFields(this, other))
  }

  /** JSON Schema, draft 2020-12. */
  toJSONSchema(): Record<string, unknown> {
    return jsonSchemaOf(this)
  }

  /** Whether a rule of this schema, or of one it refers to, is asynchronous. */
  get isAsync(): boolean {
    const { version } = this.runtime.registry
    if (this.#async?.version !== version)
      this.#async = { version, value: this.validator.isAsync(new Set([this])) }
    return this.#async.value
  }

  get parts(): Parts {
    return (this.#parts ??= normalize(this.description, (name) => this.runtime.registry.get(name)))
  }

  get validator(): Validator {
    return (this.#validator ??= this.#createValidator())
  }

  /** Values of an enum. */
  get enumValues(): readonly unknown[] {
    const { validator } = this
    return validator instanceof EnumValidator ? validator.values : []
  }

  /** The members of a union, and the field that decides among them. */
  get unionMembers(): { readonly names: readonly string[]; readonly on: string } {
    const { validator } = this
    return validator instanceof UnionValidator ? validator : { names: [], on: '' }
  }

  /** Checks a whole value, and adds its issues to the list. */
  run(data: unknown, issues: SchemaIssue[]): unknown {
    if (this.isAsync) this.#refuseSync()
    try {
      return this.validator.check(data, '', issues)
    } catch (error) {
      return rejectDepth(error, issues)
    }
  }

  async runAsync(data: unknown, issues: SchemaIssue[]): Promise<unknown> {
    try {
      return await (this.isAsync
        ? this.validator.checkAsync(data, '', issues)
        : this.validator.check(data, '', issues))
    } catch (error) {
      return rejectDepth(error, issues)
    }
  }

  /** The parts of the schema: `fields` by name and others. */
  _normalize(): Parts {
    return this.parts
  }

  /** The class of the values of a shape. */
  _getClass(): Construct | undefined {
    const { validator } = this
    return validator instanceof ObjectValidator ? validator.construct : undefined
  }

  /** Always null: schemas of this runtime are not derived from models. */
  get _sourceModel(): null {
    return null
  }

  #createValidator(): Validator {
    switch (this.kind) {
      case 'enum':
        return new EnumValidator(this)
      case 'union':
        return new UnionValidator(this)
      case 'mixin':
        return new MixinValidator()
      default:
        return new ObjectValidator(this)
    }
  }

  #derived(description: SchemaDescription): SchemaDef {
    return new SchemaDef(description, this.runtime)
  }

  #orThrow(value: unknown, issues: SchemaIssue[]): unknown {
    if (issues.length > 0) throw new SchemaError(issues, this.name, this.kind)
    return value
  }

  #requireInstantiable(): void {
    if (this.kind === 'mixin')
      throw new Error(`:mixin schema '${this.name ?? ''}' is not instantiable; take its fields with @mixin`)
  }

  #refuseSync(): never {
    throw new Error(
      `${this.name ?? 'this schema'} has async refinements (@ensure!): use parseAsync!, safeAsync! or okAsync!`,
    )
  }
}

/** Refuses a value that is nested so deeply that the call stack overflowed. */
function rejectDepth(error: unknown, issues: SchemaIssue[]): undefined {
  if (!(error instanceof RangeError)) throw error
  issues.push({ field: '', error: 'type', message: 'the input is nested too deeply' })
  return undefined
}

/** Methods of models, which a program may call by mistake on any schema. */
const MODEL_VERBS =
  'find findMany with where includes withDeleted onlyDeleted unscoped all first count create upsert insertMany toSQL'

for (const verb of MODEL_VERBS.split(' ')) {
  Object.defineProperty(SchemaDef.prototype, verb, {
    configurable: true,
    writable: true,
    value(this: SchemaDef): never {
      throw new Error(`${verb}() is :model-only, and ${this.name ?? 'this schema'} is a schema :${this.kind}`)
    },
  })
}
