import type { SchemaDef } from './schema-def.ts'
import { SchemaError } from './schema-error.ts'
import type { SchemaIssue } from './schema-error.ts'
import { below } from './validator.ts'
import type { Validator } from './validator.ts'
import { isRecord } from './value-check.ts'

interface Plan {
  readonly version: number
  readonly members: ReadonlyMap<string, SchemaDef>
  /** The member whose discriminating field has a default: it takes a value that lacks the field. */
  readonly byDefault: SchemaDef | undefined
}

/** Passes a value to the member of the union that its discriminating field selects. */
export class UnionValidator implements Validator {
  /** Name of the discriminating field. */
  readonly on: string
  readonly names: readonly string[]
  readonly #schema: SchemaDef
  #plan: Plan | undefined

  constructor(schema: SchemaDef) {
    const { entries } = schema.description
    this.#schema = schema
    this.names = entries.flatMap((entry) => (entry.tag === 'union-member' ? [entry.name] : []))
    const on = entries.find((entry) => entry.tag === 'directive' && entry.name === 'on')
    this.on = (on?.tag === 'directive' && on.args?.[0]?.field) || ''
  }

  check(value: unknown, path: string, issues: SchemaIssue[]): unknown {
    return this.#choose(value, path, issues)?.validator.check(value, path, issues)
  }

  async checkAsync(value: unknown, path: string, issues: SchemaIssue[]): Promise<unknown> {
    return this.#choose(value, path, issues)?.validator.checkAsync(value, path, issues)
  }

  isAsync(seen: Set<SchemaDef>): boolean {
    return [...this.#planned().members.values()].some((member) => {
      if (seen.has(member)) return false
      seen.add(member)
      return member.validator.isAsync(seen)
    })
  }

  #choose(value: unknown, path: string, issues: SchemaIssue[]): SchemaDef | undefined {
    const { members, byDefault } = this.#planned()
    if (isRecord(value)) {
      const chosen = value[this.on] ?? undefined
      const found = chosen === undefined ? byDefault : members.get(chosen as string)
      if (found) return found
    }
    const field = below(path) + this.on
    const wanted = isRecord(value)
      ? `expected one of ${[...members.keys()].join(' | ')}`
      : `expected an object with ${this.on}`
    issues.push({ field, error: 'union', message: path === '' ? wanted : `${field}: ${wanted}` })
    return undefined
  }

  /** The members by the values of the discriminating field, as their names are declared now. */
  #planned(): Plan {
    const { version } = this.#schema.runtime.registry
    if (this.#plan?.version === version) return this.#plan
    const members = this.#findMembers()
    this.#plan = { version, members, byDefault: this.#findDefault(members) }
    return this.#plan
  }

  #findDefault(members: ReadonlyMap<string, SchemaDef>): SchemaDef | undefined {
    const [first, second] = new Set(
      [...members.values()].filter((member) => {
        const field = member.parts.fields.get(this.on)
        return (field?.constraints.default ?? undefined) !== undefined
      }),
    )
    if (second)
      this.#refuse(`${first?.name ?? ''} and ${second.name ?? ''} both have a default for '${this.on}'`)
    return first
  }

  #findMembers(): Map<string, SchemaDef> {
    const { registry } = this.#schema.runtime
    const members = new Map<string, SchemaDef>()
    for (const name of this.names) {
      const member = registry.get(name)
      if (!member) return this.#refuse(`${name} is not declared`)
      const isObject = member.kind === 'input' || member.kind === 'shape'
      const literals = isObject ? member.parts.fields.get(this.on)?.literals : undefined
      if (!literals) return this.#refuse(`${name} must declare '${this.on}' as a string-literal, such as "a"`)
      for (const literal of literals) {
        const before = members.get(literal)
        if (before) this.#refuse(`duplicate discriminator "${literal}": ${before.name ?? ''} and ${name}`)
        members.set(literal, member)
      }
    }
    return members
  }

  #refuse(message: string): never {
    const { name } = this.#schema
    throw new SchemaError([{ field: this.on, error: 'union', message }], name, 'union')
  }
}
