import { SP, TAB, TOKEN, equalsRange, equalsText } from './byte-class.ts'
import { FIELD } from './field-name.ts'
import type { FieldSection } from './field-section.ts'

const COMMA = 0x2c
const NONE: readonly string[] = []

/** The options in the `Connection` fields of a message (RFC 9110 §7.6.1). */
export class ConnectionOptions {
  close = false
  keepAlive = false
  upgrade = false
  te = false
  /** Whether an option names some other field, which then concerns this connection only. */
  nominates = false
  /** Names kept for the trailer section, lower case. */
  private kept: readonly string[] = NONE

  /** @returns `false` when a field is not a list of tokens */
  read(section: FieldSection): boolean {
    this.close = this.keepAlive = this.upgrade = this.te = this.nominates = false
    this.kept = NONE
    if (!section.has(FIELD.connection)) return true
    for (let index = 0; index < section.count; index++)
      if (section.id(index) === FIELD.connection && !this.readList(section, index)) return false
    return true
  }

  /** Keeps what is named, as the trailer section of the message comes when its head is gone. */
  keepNames(section: FieldSection): void {
    if (!this.nominates) return
    const names: string[] = []
    for (let list = 0; list < section.count; list++) {
      if (section.id(list) !== FIELD.connection) continue
      eachToken(section.bytes, section.valueStart(list), section.valueEnd(list), (from, to) => {
        names.push(section.bytes.toString('latin1', from, to).toLowerCase())
        return false
      })
    }
    this.kept = names
  }

  /** Whether the field at `index` is named by a `Connection` option, of the head or of its own section. Slow; asked only if `nominates` is set. */
  names(section: FieldSection, index: number): boolean {
    const { bytes } = section
    const nameFrom = section.nameStart(index)
    const nameTo = section.nameEnd(index)
    for (let list = 0; list < section.count; list++) {
      if (section.id(list) !== FIELD.connection) continue
      const found = eachToken(bytes, section.valueStart(list), section.valueEnd(list), (from, to) =>
        equalsRange(bytes, from, to, bytes, nameFrom, nameTo),
      )
      if (found) return true
    }
    return this.kept.some((name) => equalsText(bytes, nameFrom, nameTo, name))
  }

  private readList(section: FieldSection, index: number): boolean {
    const { bytes } = section
    let at = section.valueStart(index)
    const to = section.valueEnd(index)
    while (at < to) {
      const byte = bytes[at]!
      if (byte === COMMA || byte === SP || byte === TAB) {
        at++
        continue
      }
      const end = tokenEnd(bytes, at, to)
      if (end === at) return false
      this.note(bytes, at, end)
      at = skipSpace(bytes, end, to)
      if (at < to && bytes[at] !== COMMA) return false
    }
    return true
  }

  private note(bytes: Uint8Array, from: number, to: number): void {
    if (equalsText(bytes, from, to, 'close')) this.close = true
    else if (equalsText(bytes, from, to, 'keep-alive')) this.keepAlive = true
    else if (equalsText(bytes, from, to, 'upgrade')) this.upgrade = true
    else if (equalsText(bytes, from, to, 'te')) this.te = true
    else this.nominates = true
  }
}

/** Calls `found` with each element of a comma-separated list of tokens, until it answers `true`. */
export function eachToken(
  bytes: Uint8Array,
  from: number,
  to: number,
  found: (from: number, to: number) => boolean,
): boolean {
  for (let at = from; at < to;) {
    const end = tokenEnd(bytes, at, to)
    if (end > at && found(at, end)) return true
    at = Math.max(end, at + 1)
  }
  return false
}

function tokenEnd(bytes: Uint8Array, from: number, to: number): number {
  let at = from
  while (at < to && TOKEN[bytes[at]!] !== 0) at++
  return at
}

function skipSpace(bytes: Uint8Array, from: number, to: number): number {
  let at = from
  while (at < to && (bytes[at] === SP || bytes[at] === TAB)) at++
  return at
}
