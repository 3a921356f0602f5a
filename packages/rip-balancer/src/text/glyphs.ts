type Environment = Readonly<Record<string, string | undefined>>

/** What a terminal that shows ASCII alone gets in place of the signs of our programs: one character for each, so that columns stay. */
const PLAIN: Readonly<Record<string, string>> = {
  '✓': '+',
  '✗': 'x',
  '→': '>',
  '↑': '^',
  '↓': 'v',
  '▴': '^',
  '▾': 'v',
  '·': '-',
  '–': '-',
  '…': '.',
  '█': '#',
  '▉': '#',
  '▊': '#',
  '▋': '#',
  '▌': '#',
  '▍': '|',
  '▎': '|',
  '▏': '|',
  '░': '.',
  '▁': '_',
  '▂': '_',
  '▃': '.',
  '▄': '-',
  '▅': '=',
  '▆': '+',
  '▇': '*',
  '⠋': '-',
  '⠙': '\\',
  '⠹': '|',
  '⠸': '/',
  '⠼': '-',
  '⠴': '\\',
  '⠦': '|',
  '⠧': '/',
  '⠇': '-',
  '⠏': '\\',
}
const GLYPHS = new RegExp(`[${Object.keys(PLAIN).join('')}]`, 'g')

/**
 * Whether a terminal shows more than ASCII, by the locale as setlocale(3) reads it. Without one it does, as in most containers; the
 * console of Linux has no font for it.
 */
export function showsGlyphs({ TERM, LC_ALL, LC_CTYPE, LANG }: Environment): boolean {
  if (TERM === 'linux') return false
  const locale = [LC_ALL, LC_CTYPE, LANG].find((each) => each !== undefined && each !== '')
  return locale === undefined || /utf-?8/i.test(locale)
}

function plainGlyphs(text: string): string {
  return text.replaceAll(GLYPHS, (glyph) => PLAIN[glyph]!)
}

/** What is written to a stream: in ASCII if that is a terminal, and shows nothing else. */
export function fitGlyphs(stream: { readonly isTTY?: boolean }, env: Environment): (text: string) => string {
  return stream.isTTY === true && !showsGlyphs(env) ? plainGlyphs : (text) => text
}
