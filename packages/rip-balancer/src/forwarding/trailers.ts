import type { ConnectionOptions } from '../http1/connection-options.ts'
import type { FieldSection } from '../http1/field-section.ts'
import { DROP, isProtected, TRAILER } from './field-rules.ts'

/**
 * The fields behind the body of a message, some of which are passed on (RFC 9110 §6.5). Made only for a message that has
 * any; valid as long as the call that hands it over.
 */
export class Trailers {
  readonly fields: FieldSection
  /** Options of the head of the message; HTTP/2 has none (RFC 9113 §8.2.2). */
  private readonly options: ConnectionOptions | undefined

  constructor(fields: FieldSection, options: ConnectionOptions | undefined) {
    this.fields = fields
    this.options = options
  }

  /** Whether the field must not be passed on: by its name, or as it concerned one connection only. */
  drops(index: number): boolean {
    const id = this.fields.id(index)
    if (TRAILER[id] === DROP) return true
    return this.options?.nominates === true && !isProtected(id) && this.options.names(this.fields, index)
  }
}
