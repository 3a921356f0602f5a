/** What follows ESC in a colour or another style (SGR, ECMA-48 §8.3.117): the only control sequences that may pass. */
const STYLE = /\[[\d;:]*m/y
/**
 * Characters that control a terminal: control characters except line ends and tabs, line separators, and marks that
 * change the direction of text (UAX 9).
 */
const CONTROL = /(?!\n|\t)[\p{Cc}\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu

/**
 * Text for a terminal that may repeat what a client or an application said: colours stay, everything else that would
 * move the cursor, set a title or hide text is made visible, so that the terminal does not obey it.
 */
export function safeText(text: string): string {
  return text.replace(CONTROL, (character, at: number) =>
    character === '\u001b' && startsStyle(text, at) ? character : escaped(character),
  )
}

function startsStyle(text: string, at: number): boolean {
  STYLE.lastIndex = at + 1
  return STYLE.test(text)
}

function escaped(character: string): string {
  return `\\x${character.codePointAt(0)!.toString(16).padStart(2, '0')}`
}
