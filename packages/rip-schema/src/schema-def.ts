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

/** A schema: what `schema :kind` and its body stand for. Everything is worked out when it is first used. */
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
    // What belongs to the machinery does not show when a schema is printed.
    for (const key of ['description', 'runtime']) Object.defineProperty(this, key, { enumerable: false })
  }

  /**
   * The value that the data stands for.
   *
   * @throws {SchemaError} When the data is not accepted; it lists everything that is wrong.
   * @throws {Error} When the schema has rules that wait (`@ensure!`), or is a mixin.
   */
  parse(data: unknown): unknown {
    this.#requireInstantiable()
    const issues: SchemaIssue[] = []
    const value = this.run(data, issues)
    return this.#orThrow(value, issues)
  }

  /** Like {@link parse}, with the faults as a result. */
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

  /** The schema of lists of this one's values. */
  get array(): ArraySchema {
    return (this.#array ??= new ArraySchema(this))
  }

  /** https://standardschema.dev */
  get '~standard'(): StandardProps {
    return (this.#standard ??= standardProps(this))
  }

  /** A shape with these fields only. */
  pick(...keys: Keys): SchemaDef {
    return this.#derived(pickFields(this, keys))
  }

  /** A shape without these fields. */
  omit(...keys: Keys): SchemaDef {
    return this.#derived(omitFields(this, keys))
  }

  /** A shape whose fields may all be missing. */
  partial(): SchemaDef {
    return this.#derived(partialFields(this))
  }

  /** A shape that requires these fields. */
  required(...keys: Keys): SchemaDef {
    return this.#derived(requiredFields(this, keys))
  }

  /** A shape with the fields of another schema as well. */
  extend(other: SchemaDef): SchemaDef {
    return this.#derived(extendFields(this, other))
  }

  /** JSON Schema, draft 2020-12. */
  toJSONSchema(): Record<string, unknown> {
    return jsonSchemaOf(this)
  }

  /** Whether a rule waits, here or in a schema that this one names. */
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

  /** What a union chooses from. */
  get unionMembers(): { readonly names: readonly string[]; readonly on: string } {
    const { validator } = this
    return validator instanceof UnionValidator ? validator : { names: [], on: '' }
  }

  /** Checks a whole value, and adds what is wrong to the issues. */
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

  /** The class of a shape's values. */
  _getClass(): Construct | undefined {
    const { validator } = this
    return validator instanceof ObjectValidator ? validator.construct : undefined
  }

  /** The model that this schema was derived from. */
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

/** A value nested deeper than the stack reaches is no value to accept. */
function rejectDepth(error: unknown, issues: SchemaIssue[]): undefined {
  if (!(error instanceof RangeError)) throw error
  issues.push({ field: '', error: 'type', message: 'the input is nested too deeply' })
  return undefined
}

/** Verbs of models, which a program may call on any schema by mistake. */
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
