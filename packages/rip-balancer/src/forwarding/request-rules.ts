import { twinId } from '../http1/field-name.ts'
import type { FieldSection } from '../http1/field-section.ts'
import type { Forwarding } from '../settings/forwarding.ts'
import type { ClientIdentity } from './client-identity.ts'
import {
  hasMeaning,
  TRUSTED_REQUEST,
  UNTRUSTED_REQUEST,
  UNTRUSTED_REQUEST_WITH_NAMES,
  type FieldRules,
} from './field-rules.ts'

/** Which fields of a request reach a backend, as the settings say it. */
export class RequestRules {
  readonly forwarding: Forwarding
  private readonly untrusted: FieldRules
  private readonly onUnderscore: (name: string) => void
  private toldUnderscore = false

  /** @param onUnderscore called with the first field that is left out for the underscore in its name */
  constructor(forwarding: Forwarding, onUnderscore: (name: string) => void) {
    this.forwarding = forwarding
    this.onUnderscore = onUnderscore
    this.untrusted = forwarding.clientFields.size > 0 ? UNTRUSTED_REQUEST_WITH_NAMES : UNTRUSTED_REQUEST
  }

  /** What becomes of the known fields of this peer. */
  of({ trusted }: ClientIdentity): FieldRules {
    return trusted ? TRUSTED_REQUEST : this.untrusted
  }

  /** Whether the operator has named the field as one that tells the client's address. */
  tellsClient(section: FieldSection, index: number): boolean {
    return this.forwarding.clientFields.has(section.name(index).toLowerCase())
  }

  /** Whether a field with an underscore in its name is passed on. */
  passesUnderscores(section: FieldSection, index: number): boolean {
    if (this.forwarding.underscores === 'drop') return this.leavesOut(section, index)
    const name = section.name(index).toLowerCase()
    const { clientFields } = this.forwarding
    if (clientFields.has(name) || clientFields.has(name.replaceAll('_', '-'))) return false
    return !hasMeaning(twinId(section.bytes, section.nameStart(index), section.nameEnd(index)))
  }

  /** Reported once: an operator who misses the field has to find out why, and attackers send them by the thousand. */
  private leavesOut(section: FieldSection, index: number): false {
    if (this.toldUnderscore) return false
    this.toldUnderscore = true
    this.onUnderscore(section.name(index))
    return false
  }
}
