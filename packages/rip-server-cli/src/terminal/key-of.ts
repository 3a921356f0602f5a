/** The Enter key, as {@link keyOf} names it. */
export const ENTER = 'enter'

/**
 * The key that was pressed, of what a terminal sent at once: a letter in lower case, or {@link ENTER}. `undefined` for pasted
 * text, and for keys such as arrows, which send several characters. A letter with Enter is the letter, a key that is held down
 * is pressed once.
 */
export function keyOf(sent: string): string | undefined {
  const [first = '', ...others] = sent.replace(/(?<=.)[\r\n]+$/s, '').toLowerCase()
  if (others.some((each) => each !== first)) return undefined
  if (/[\r\n]/.test(first)) return ENTER
  return /^[\p{L}\p{N}\p{P}\p{S}]$/u.test(first) ? first : undefined
}
