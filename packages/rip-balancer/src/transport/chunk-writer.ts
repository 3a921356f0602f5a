import type { Outbox } from './outbox.ts'

const MAX_SIZE_LINE = 18
const CR = 0x0d
const LF = 0x0a

/** Appends one chunk (RFC 9112 §7.1) with the bytes `[from, to)`; nothing for an empty range, which would end the body. */
export function appendChunk(outbox: Outbox, bytes: Buffer, from: number, to: number): void {
  const length = to - from
  if (length === 0) return
  const at = outbox.reserve(MAX_SIZE_LINE)
  outbox.commit(sizeLine(outbox.scratch, at, length))
  outbox.append(bytes, from, to)
  lineEnd(outbox)
}

/** Appends the last chunk without trailers. */
export function appendLastChunk(outbox: Outbox): void {
  outbox.appendText('0\r\n\r\n')
}

function sizeLine(out: Buffer, at: number, length: number): number {
  const end = at + out.write(length.toString(16), at, 'latin1')
  out[end] = CR
  out[end + 1] = LF
  return end + 2
}

function lineEnd(outbox: Outbox): void {
  const at = outbox.reserve(2)
  outbox.scratch[at] = CR
  outbox.scratch[at + 1] = LF
  outbox.commit(at + 2)
}
