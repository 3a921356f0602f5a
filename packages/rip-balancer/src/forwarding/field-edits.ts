import { FIELD_VALUE, TOKEN, equalsText } from '../http1/byte-class.ts'
import { fieldId, type FieldId } from '../http1/field-name.ts'
import type { FieldSection } from '../http1/field-section.ts'
import { DROP, RESPONSE } from './field-rules.ts'
import type { EditableFields } from '../settings/hooks.ts'

/** The fields of a head as a hook edits them: the head itself stays, removals and additions are applied on writing. */
export class FieldEdits implements EditableFields {
  /** The body becomes longer or shorter than the head says. */
  changesLength = false
  private readonly section: FieldSection
  private readonly removed = new Set<number>()
  private added: (readonly [name: string, value: string])[] = []

  constructor(section: FieldSection) {
    this.section = section
  }

  removes(index: number): boolean {
    return this.removed.has(index)
  }

  /** Fields to add. */
  get additions(): readonly (readonly [name: string, value: string])[] {
    return this.added
  }

  /** Lines to add, complete with their line ends. */
  get addedText(): string {
    return this.added.map(([name, value]) => `${name}: ${value}\r\n`).join('')
  }

  get(name: string): string | undefined {
    const values = this.values(name)
    return values.length === 0 ? undefined : values.join(', ')
  }

  /** Values of all fields of that name, in their order. */
  values(name: string): readonly string[] {
    const values: string[] = []
    for (const [known, value] of this) if (known.toLowerCase() === name.toLowerCase()) values.push(value)
    return values
  }

  set(name: string, value: string): void {
    checkField(name, value)
    this.delete(name)
    this.added.push([name, value])
  }

  append(name: string, value: string): void {
    checkField(name, value)
    this.added.push([name, value])
  }

  delete(name: string): void {
    const lowerCase = name.toLowerCase()
    checkEditable(lowerCase)
    const { section } = this
    for (let index = 0; index < section.count; index++)
      if (equalsText(section.bytes, section.nameStart(index), section.nameEnd(index), lowerCase))
        this.removed.add(index)
    this.added = this.added.filter(([known]) => known.toLowerCase() !== lowerCase)
  }

  *[Symbol.iterator](): IterableIterator<readonly [name: string, value: string]> {
    const { section } = this
    for (let index = 0; index < section.count; index++)
      if (!this.removed.has(index)) yield [section.name(index), section.value(index)] as const
    yield* this.added
  }
}

function checkField(name: string, value: string): void {
  checkEditable(name.toLowerCase())
  if (name === '' || !everyByte(name, TOKEN)) throw new TypeError(`"${name}" is not a field name`)
  if (!everyByte(value, FIELD_VALUE) || value.trim() !== value)
    throw new TypeError(`the value of "${name}" contains characters a field value cannot have`)
}

function everyByte(text: string, table: Uint8Array): boolean {
  for (let index = 0; index < text.length; index++) if (!table[text.charCodeAt(index)]) return false
  return true
}

/** Framing and hop-by-hop fields are the balancer's own business. */
function checkEditable(lowerCase: string): void {
  const bytes = new TextEncoder().encode(lowerCase)
  const id: FieldId = bytes.length === 0 ? 0 : fieldId(bytes, 0, bytes.length)
  if (RESPONSE[id] === DROP || lowerCase === 'content-length' || lowerCase === 'host')
    throw new TypeError(`"${lowerCase}" belongs to the connection and cannot be edited`)
}
