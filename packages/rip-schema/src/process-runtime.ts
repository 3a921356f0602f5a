import { createRuntime } from './create-runtime.ts'
import type { SchemaRuntime } from './create-runtime.ts'
import type { SchemaDef } from './schema-def.ts'
import { standardProps } from './standard-schema.ts'

/**
 * The key in `globalThis` by which all copies of a schema runtime, also of other compilers, find the one of the
 * process.
 */
const KEY = '__ripSchema'

/**
 * The one runtime of this process, so that a name means the same schema everywhere: this one, or the one that a program
 * of another compiler installed before.
 *
 * @throws {Error} When the installed runtime has another version.
 */
export function processRuntime(host: object = globalThis): SchemaRuntime {
  const found = (host as Record<string, unknown>)[KEY] as Partial<SchemaRuntime> | undefined
  if (found?.__version === 1 && found.__schema) return adopt(found as SchemaRuntime)
  if (found?.__version !== undefined)
    throw new Error(
      `this process has a schema runtime of version ${String(found.__version)}, and programs here need version 1; ` +
        'load one of them only',
    )
  const made = createRuntime()
  made.SchemaRegistry.replace = reloadsInPlace()
  // Properties that other packages added are kept.
  Object.defineProperty(host, KEY, { value: { ...found, ...made }, configurable: true, writable: true })
  return made
}

/** Under `bun --hot` a changed module is loaded again into the same process. */
function reloadsInPlace(): boolean {
  const { process } = globalThis as { process?: { execArgv?: readonly string[] } }
  return process?.execArgv?.includes('--hot') ?? false
}

/** Adds the names that another runtime spells differently or lacks. */
function adopt(found: SchemaRuntime): SchemaRuntime {
  const { __SchemaRegistry: registry, __schemaRegisterCoercer: registerCoercer } = found
  return Object.create(found, {
    SchemaRegistry: { value: found.SchemaRegistry ?? registry },
    __SchemaRegistry: { value: registry ?? found.SchemaRegistry },
    registerCoercer: { value: found.registerCoercer ?? registerCoercer },
    __schema: { value: standardized(found) },
  }) as SchemaRuntime
}

/** Adds the Standard Schema interface to schemas of another runtime. */
function standardized(found: SchemaRuntime): SchemaRuntime['__schema'] {
  return (description) => {
    const made = found.__schema(description)
    if (!('~standard' in made)) addStandard(Object.getPrototypeOf(made) as object)
    return made
  }
}

function addStandard(prototype: object): void {
  Object.defineProperty(prototype, '~standard', {
    configurable: true,
    get(this: SchemaDef) {
      return standardProps({
        isAsync: true,
        safe: (data) => this.safe(data),
        safeAsync: (data) => this.safeAsync(data),
        toJSONSchema: () => this.toJSONSchema(),
      })
    },
  })
}
