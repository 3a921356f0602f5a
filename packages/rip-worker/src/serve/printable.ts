/** What a terminal obeys: control characters but line ends and tabs (ECMA-48), separators of lines, and marks that turn the direction of text (UAX 9). */
const CONTROL = /(?!\n|\t)[\p{Cc}\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu

/** Text that may repeat what a client sent, for a log somebody looks at: nothing in it drives his terminal. */
export function printable(text: string): string {
  return text.replace(CONTROL, (character) => `\\x${character.codePointAt(0)!.toString(16).padStart(2, '0')}`)
}
