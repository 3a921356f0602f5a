/** Columns that the text of `--help` takes at most. */
export const HELP_WIDTH = 80
/** A wider left column leaves too little room for the right one. */
const WIDEST_LEFT = 28
const GAP = 2

/**
 * Rows in two columns, within {@link HELP_WIDTH}: the right one is wrapped, and begins below a left one that is too long.
 *
 * @param rows the left one with its indentation
 */
export function helpRows(rows: readonly (readonly [left: string, right: string])[]): string[] {
  const lefts = rows.map(([left]) => left.length).filter((length) => length <= WIDEST_LEFT)
  const width = Math.max(0, ...lefts) + GAP
  return rows.flatMap(([left, right]) => {
    const [first = '', ...more] = wrapped(right, HELP_WIDTH - width)
    const begins = left.length <= width - GAP ? [left.padEnd(width) + first] : [left, indented(first, width)]
    return [...begins, ...more.map((line) => indented(line, width))].map((line) => line.trimEnd())
  })
}

/** A text as lines of at most so many characters; a longer word has a line of its own. */
export function wrapped(text: string, width: number = HELP_WIDTH): string[] {
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const last = lines.at(-1)
    if (last !== undefined && last.length + 1 + word.length <= width)
      lines[lines.length - 1] = `${last} ${word}`
    else lines.push(word)
  }
  return lines
}

function indented(line: string, width: number): string {
  return ' '.repeat(width) + line
}
