/** Modules of white around a code, without which cameras do not find it (ISO/IEC 18004 asks for 4; 2 are enough on a screen). */
const BORDER = 2
/** Upper and lower module of a character; light ones are drawn, for terminals with a dark background. */
const BLOCKS = { light: { light: '█', dark: '▀' }, dark: { light: '▄', dark: ' ' } } as const
/** Dark modules black and light ones white, whatever the colours of the terminal are (ECMA-48: SGR). */
const PAPER = '\u001b[97;40m'
const PLAIN = '\u001b[0m'

/** A text as a QR code, in lines of half blocks. The library for it is loaded only here. */
export async function qrCode(text: string, colored: boolean): Promise<readonly string[]> {
  const { encode } = await import('uqr')
  const { data } = encode(text, { ecc: 'L', border: BORDER })
  const at = (row: number, column: number): 'light' | 'dark' =>
    data[row]?.[column] === true ? 'dark' : 'light'
  const rows = Array.from({ length: Math.ceil(data.length / 2) }, (_, index) => index * 2)
  return rows.map((row) => {
    const blocks = data[row]!.map((_, column) => BLOCKS[at(row, column)][at(row + 1, column)]).join('')
    return colored ? `${PAPER}${blocks}${PLAIN}` : blocks
  })
}
