import { Coercers } from './coercers.ts'
import type { Coercer, CoercerOptions } from './coercers.ts'
import type { SchemaDescription } from './description.ts'
import { SchemaDef } from './schema-def.ts'
import { SchemaError } from './schema-error.ts'
import { Registry } from './schema-registry.ts'

/** The schemas and conversions that all programs of a process share, under the names that compiled programs use. */
export interface SchemaRuntime {
  /** Version of these names, which programs of other compilers check. */
  readonly __version: number
  readonly __schema: (description: SchemaDescription) => SchemaDef
  readonly SchemaError: typeof SchemaError
  readonly SchemaDef: typeof SchemaDef
  readonly SchemaRegistry: Registry
  readonly __SchemaRegistry: Registry
  readonly registerCoercer: (name: string, convert: Coercer, options?: CoercerOptions) => Coercer
  readonly __schemaRegisterCoercer: SchemaRuntime['registerCoercer']
  readonly __schemaSetAdapter: (adapter: unknown) => void
  readonly __schemaTransaction: () => never
  readonly installPersistence: () => never
  readonly schema: { readonly registerCoercer: SchemaRuntime['registerCoercer'] }
}

/** Creates a runtime with its own registry and converters. */
export function createRuntime(): SchemaRuntime {
  const registry = new Registry()
  const coercers = new Coercers()
  const registerCoercer: SchemaRuntime['registerCoercer'] = (name, convert, options) =>
    coercers.register(name, convert, options)
  const declareSchema = (description: SchemaDescription): SchemaDef => {
    if ((description.kind as string) === 'model') refuseModels()
    const made = new SchemaDef(description, { registry, coercers })
    registry.register(made)
    return made
  }
  return {
    __version: 1,
    __schema: declareSchema,
    SchemaError,
    SchemaDef,
    SchemaRegistry: registry,
    __SchemaRegistry: registry,
    registerCoercer,
    __schemaRegisterCoercer: registerCoercer,
    // Ignored: packages pass an adapter for models when they are loaded, also where there are no models.
    __schemaSetAdapter: () => undefined,
    __schemaTransaction: refuseModels,
    installPersistence: refuseModels,
    schema: { registerCoercer },
  }
}

function refuseModels(): never {
  throw new Error('models are not supported yet: write schema :shape for the fields and methods')
}
