import type { CallableDescription, EnsureDescription, SchemaDescription } from './description.ts'
import { fieldOf } from './field.ts'
import type { Field } from './field.ts'
import type { SchemaDef } from './schema-def.ts'
import { SchemaError } from './schema-error.ts'

/** The parts of a schema, including the fields of its mixins. */
export interface Parts {
  readonly fields: ReadonlyMap<string, Field>
  readonly methods: ReadonlyMap<string, CallableDescription>
  readonly computed: ReadonlyMap<string, CallableDescription>
  readonly derived: ReadonlyMap<string, CallableDescription>
  readonly ensures: readonly EnsureDescription[]
}

type Resolve = (name: string) => SchemaDef | undefined

/**
 * Sorts the entries of a schema by their kind.
 *
 * @throws {SchemaError} When two entries share a name, or a mixin is missing, includes itself or is no mixin.
 */
export function normalize(description: SchemaDescription, resolve: Resolve): Parts {
  const { name: owner, kind } = description
  const fields = new Map<string, Field>()
  const groups = { method: new Map(), computed: new Map(), derived: new Map() } as Record<
    CallableDescription['tag'],
    Map<string, CallableDescription>
  >
  const ensures: EnsureDescription[] = []
  const taken = new Map<string, string>()
  const claim = (name: string, what: string): void => {
    const before = taken.get(name)
    if (before !== undefined) refuse(description, name, 'collision', `${name} collides with ${before}`)
    taken.set(name, what)
  }
  for (const entry of description.entries) {
    switch (entry.tag) {
      case 'field':
        checkFieldName(description, entry.name)
        claim(entry.name, 'field')
        if (entry.transform) nameFunction(entry.transform, entry.name)
        fields.set(entry.name, fieldOf(entry))
        break
      case 'method':
      case 'computed':
      case 'derived':
        claim(entry.name, entry.tag)
        nameFunction(entry.fn, entry.name)
        groups[entry.tag].set(entry.name, entry)
        break
      case 'ensure':
        nameFunction(entry.fn, '@ensure')
        ensures.push(entry)
        break
      default:
    }
  }
  for (const [name, { field, mixin }] of mixinFields(description, resolve, owner ?? kind)) {
    if (taken.has(name))
      refuse(description, name, 'mixin-collision', `field '${name}' of mixin ${mixin} is declared already`)
    fields.set(name, field)
  }
  return { fields, methods: groups.method, computed: groups.computed, derived: groups.derived, ensures }
}

/** Gives a function the name that the program uses, so that stack traces show it. */
function nameFunction(fn: object, name: string): void {
  Object.defineProperty(fn, 'name', { value: name, configurable: true })
}

function refuse({ name, kind }: SchemaDescription, field: string, error: string, message: string): never {
  throw new SchemaError([{ field, error, message }], name, kind)
}

const CANONICAL = /^[a-z](?:[a-z0-9]|[A-Z](?![A-Z]))*$/

/** Refuses all spellings of a name but one, so that other spellings, as in databases, stay unambiguous. */
function checkFieldName(description: SchemaDescription, name: string): void {
  if (CANONICAL.test(name)) return
  const message = `field name '${name}' is not canonical camelCase, such as 'mdmId'`
  refuse(description, name, 'name', message)
}

interface MixinField {
  readonly field: Field
  readonly mixin: string
}

/** Fields of the mixins of a schema, depth first; a mixin that is reached twice is used once. */
function mixinFields(
  description: SchemaDescription,
  resolve: Resolve,
  owner: string,
): Map<string, MixinField> {
  const found = new Map<string, MixinField>()
  const done = new Set<string>()
  const visit = (at: SchemaDescription, path: readonly string[]): void => {
    for (const entry of at.entries) {
      if (entry.tag !== 'directive' || entry.name !== 'mixin') continue
      const name = entry.args?.[0]?.target ?? ''
      if (path.includes(name)) {
        const cycle = [...path, name].join(' -> ')
        refuse(description, '', 'mixin-cycle', `mixin cycle: ${cycle}`)
      }
      if (done.has(name)) continue
      done.add(name)
      const mixin = resolve(name)
      if (mixin?.kind !== 'mixin') {
        const message = mixin
          ? `${name} is no mixin but a schema :${mixin.kind}`
          : `there is no mixin ${name}`
        refuse(description, '', 'mixin-missing', message)
      }
      add(mixin.description, name)
      visit(mixin.description, [...path, name])
    }
  }
  const add = (mixin: SchemaDescription, name: string): void => {
    for (const entry of mixin.entries) {
      if (entry.tag !== 'field') continue
      const before = found.get(entry.name)
      if (before)
        refuse(
          description,
          entry.name,
          'mixin-collision',
          `mixins ${before.mixin} and ${name} both declare field '${entry.name}'`,
        )
      checkFieldName(description, entry.name)
      found.set(entry.name, { field: fieldOf(entry), mixin: name })
    }
  }
  visit(description, [owner])
  return found
}
