/** Characters that end a line or drive a terminal: C0, C1, line and paragraph separators, directions of writing. */
// oxlint-disable-next-line no-control-regex
export const CONTROLS: RegExp = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g

/** A text as a part of one line, whatever it contains: characters that could break out of it are escaped. */
export function oneLine(text: string): string {
  return text.replaceAll(/["\\]/g, '\\$&').replace(CONTROLS, escaped)
}

/** The same where spaces separate words. */
export function oneWord(text: string): string {
  return oneLine(text).replaceAll(' ', '\\x20')
}

/** `\x0a`, or `\u2028`. */
export function escaped(char: string): string {
  const code = char.charCodeAt(0)
  return code > 0xff ? `\\u${code.toString(16)}` : `\\x${code.toString(16).padStart(2, '0')}`
}
