/** The module that compiled programs import: the one runtime of the process, under the names they use. */
import type { SchemaRuntime } from './create-runtime.ts'
import { processRuntime } from './process-runtime.ts'

const runtime: SchemaRuntime = processRuntime()

export const __schema: SchemaRuntime['__schema'] = runtime.__schema
export const SchemaError: SchemaRuntime['SchemaError'] = runtime.SchemaError
export const SchemaDef: SchemaRuntime['SchemaDef'] = runtime.SchemaDef
export const SchemaRegistry: SchemaRuntime['SchemaRegistry'] = runtime.SchemaRegistry
export const __SchemaRegistry: SchemaRuntime['SchemaRegistry'] = runtime.SchemaRegistry
export const registerCoercer: SchemaRuntime['registerCoercer'] = runtime.registerCoercer
export const __schemaSetAdapter: SchemaRuntime['__schemaSetAdapter'] = runtime.__schemaSetAdapter
export const installPersistence: SchemaRuntime['installPersistence'] = runtime.installPersistence
export const schema: SchemaRuntime['schema'] = runtime.schema
