import type { ConnectionOptions } from '../http1/connection-options.ts'
import type { FieldId } from '../http1/field-name.ts'
import type { FieldSection } from '../http1/field-section.ts'
import { SP } from '../http1/byte-class.ts'
import type { Outbox } from '../transport/outbox.ts'
import type { FieldEdits } from './field-edits.ts'
import { DECIDE, DROP, KEEP, isProtected, type FieldRules } from './field-rules.ts'

const CR = 0x0d
const LF = 0x0a
const COLON = 0x3a
const LOOP_BYTES = 24
/** Room for what is added to a head besides its own bytes: one space per field and the balancer's constant fields. */
const ADDED_BYTES = 2048

/**
 * Writes a head into the scratch buffer of an outbox. Lines that stay as they are get copied in runs, the others are
 * left out or written anew; order and case of names survive.
 */
export abstract class HeadWriter {
  protected out: Buffer = Buffer.alloc(0)
  protected at = 0

  /** @param extra bytes that will be added beyond the usual ones */
  protected begin(outbox: Outbox, section: FieldSection, extra: number): void {
    this.at = outbox.reserve(section.end - section.start + ADDED_BYTES + extra)
    this.out = outbox.scratch
  }

  protected finish(outbox: Outbox): void {
    this.lineEnd()
    outbox.commit(this.at)
  }

  /** Writes the field at `index` in its own way, or not at all. */
  protected abstract decide(section: FieldSection, index: number, id: FieldId): void

  protected copyFields(
    section: FieldSection,
    rules: FieldRules,
    options: ConnectionOptions | undefined,
    edits: FieldEdits | undefined,
  ): void {
    let runStart = -1
    let runEnd = 0
    for (let index = 0; index < section.count; index++) {
      const action = this.action(section, index, rules, options, edits)
      if (action === KEEP && isPlain(section, index)) {
        if (runStart < 0) runStart = section.nameStart(index)
        runEnd = section.valueEnd(index) + 2
        continue
      }
      if (runStart >= 0) this.copy(section.bytes, runStart, runEnd)
      runStart = -1
      if (action === KEEP) this.field(section, index)
      else if (action === DECIDE) this.decide(section, index, section.id(index))
    }
    if (runStart >= 0) this.copy(section.bytes, runStart, runEnd)
    if (edits !== undefined) this.text(edits.addedText)
  }

  private action(
    section: FieldSection,
    index: number,
    rules: FieldRules,
    options: ConnectionOptions | undefined,
    edits: FieldEdits | undefined,
  ): number {
    const id = section.id(index)
    if (edits !== undefined && edits.removes(index)) return DROP
    if (options !== undefined && options.nominates && !isProtected(id) && options.names(section, index))
      return DROP
    return rules[id]!
  }

  /** Writes a field with exactly one space behind the colon and none at the end. */
  protected field(section: FieldSection, index: number): void {
    this.copy(section.bytes, section.nameStart(index), section.nameEnd(index))
    this.out[this.at++] = COLON
    this.out[this.at++] = SP
    this.copy(section.bytes, section.valueStart(index), section.valueEnd(index))
    this.lineEnd()
  }

  protected copy(bytes: Buffer, from: number, to: number): void {
    if (to - from > LOOP_BYTES) bytes.copy(this.out, this.at, from, to)
    else copyByLoop(bytes, from, to, this.out, this.at)
    this.at += to - from
  }

  protected bytes(bytes: Buffer): void {
    this.copy(bytes, 0, bytes.length)
  }

  protected text(text: string): void {
    this.at += this.out.write(text, this.at, 'latin1')
  }

  protected lineEnd(): void {
    this.out[this.at++] = CR
    this.out[this.at++] = LF
  }

  protected decimal(value: number): void {
    this.text(String(value))
  }
}

/** Up to that length a loop is faster than a call into the runtime. */
function copyByLoop(bytes: Buffer, from: number, to: number, out: Buffer, at: number): void {
  for (let index = from; index < to; index++) out[at++] = bytes[index]!
}

/** Whether the line reads `name: value` with nothing to normalise. */
function isPlain(section: FieldSection, index: number): boolean {
  const { bytes } = section
  const colon = section.nameEnd(index)
  const end = section.valueEnd(index)
  return (
    bytes[colon + 1] === SP &&
    section.valueStart(index) === colon + 2 &&
    bytes[end] === CR &&
    bytes[end + 1] === LF
  )
}
