import { FIELD, fieldId } from '../../http1/field-name.ts'
import { FieldSection, type HeadLimits } from '../../http1/field-section.ts'
import type { FieldSink } from '../../http2/hpack/field-sink.ts'
import { FieldLines } from './field-lines.ts'

/** The fields behind the body of a request, on their way to becoming a trailer section of HTTP/1.1. */
export class TrailerFields implements FieldSink {
  private readonly lines = new FieldLines()

  reset(): void {
    this.lines.reset()
  }

  field(
    name: Buffer,
    nameFrom: number,
    nameTo: number,
    value: Buffer,
    valueFrom: number,
    valueTo: number,
  ): void {
    switch (fieldId(name, nameFrom, nameTo)) {
      case FIELD.connection:
      case FIELD.proxyConnection:
      case FIELD.keepAlive:
      case FIELD.transferEncoding:
      case FIELD.upgrade:
      case FIELD.te:
        this.lines.isMalformed = true
    }
    this.lines.add(name, nameFrom, nameTo, value, valueFrom, valueTo)
  }

  /** @returns the section in a buffer of its own; `undefined` when it is malformed, which pseudo fields are (RFC 9113 §8.1) */
  end(limits: HeadLimits): FieldSection | undefined {
    const { lines } = this
    lines.lineEnd()
    if (lines.isMalformed) return undefined
    const section = new FieldSection(limits)
    if (section.feed(lines.bytes, 0, lines.at) < 0) return undefined
    section.detach()
    return section
  }
}
