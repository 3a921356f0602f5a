/**
 * Characters that control a terminal: control characters except line ends and tabs (ECMA-48), line separators, and
 * marks that change the direction of text (UAX 9).
 */
const CONTROL = /(?!\n|\t)[\p{Cc}\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu

/** Makes text that may repeat what a client sent safe for a log: nothing in it controls the operator's terminal. */
export function printable(text: string): string {
  return text.replace(CONTROL, (character) => `\\x${character.codePointAt(0)!.toString(16).padStart(2, '0')}`)
}
