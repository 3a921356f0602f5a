import type { CompileResult, SourceMap } from './adapter.ts'

const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'

/**
 * The same code with every character outside ASCII as an escape, and its map moved along. Bun 1.4.5 reads a
 * module that says it needs no transpiling as Latin-1; its own transpiler escapes in the same way.
 */
export function asciiCode({ code, map }: Pick<CompileResult, 'code' | 'map'>): {
  readonly code: string
  readonly map: SourceMap | undefined
} {
  if (!/[^\0-\x7f]/.test(code)) return { code, map }
  const lines = code.split('\n')
  return {
    code: lines.map(escapeLine).join('\n'),
    map: map && { ...map, mappings: moved(map.mappings, lines) },
  }
}

function escapeLine(line: string): string {
  return line.replace(/(\\*)([^\0-\x7f])/g, (_, slashes: string, unit: string) => {
    return slashes + escapeAfter(slashes, unit)
  })
}

/** A backslash that escapes the character already becomes the one of the escape. */
function escapeAfter(slashes: string, unit: string): string {
  const hex = unit.charCodeAt(0).toString(16).padStart(4, '0')
  return slashes.length % 2 === 1 ? `u${hex}` : `\\u${hex}`
}

/** Generated columns behind an escape are further right; the other fields of a segment stay as they are. */
function moved(mappings: string, lines: readonly string[]): string {
  const rows = mappings.split(';')
  return rows.map((row, at) => moveRow(row, lines[at] ?? '')).join(';')
}

function moveRow(row: string, line: string): string {
  if (row === '' || !/[^\0-\x7f]/.test(line)) return row
  let before = 0
  let after = 0
  const segments = row.split(',').map((segment) => {
    const { value, rest } = readVlq(segment)
    before += value
    const column = escapeLine(line.slice(0, before)).length
    const delta = column - after
    after = column
    return writeVlq(delta) + rest
  })
  return segments.join(',')
}

/** The first number of a segment and what follows it (ECMA-426, base64 VLQ: five bits a digit, lowest first). */
function readVlq(segment: string): { readonly value: number; readonly rest: string } {
  let bits = 0
  for (let at = 0; at < segment.length; at++) {
    const digit = DIGITS.indexOf(segment[at]!)
    bits += (digit & 31) * 2 ** (5 * at)
    if (digit < 32) return { value: bits % 2 === 1 ? -(bits - 1) / 2 : bits / 2, rest: segment.slice(at + 1) }
  }
  return { value: 0, rest: segment }
}

function writeVlq(value: number): string {
  let bits = value < 0 ? -value * 2 + 1 : value * 2
  let text = ''
  do {
    const digit = bits % 32
    bits = Math.floor(bits / 32)
    text += DIGITS[bits > 0 ? digit + 32 : digit]!
  } while (bits > 0)
  return text
}
