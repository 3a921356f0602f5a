/** What is continued on a line of its own stands below the words, not below a mark before them. */
export const CONTINUED_INDENT = 2

/**
 * Text whose lines are folded between words where they are wider than so many columns; what is continued is indented. Words that
 * are wider alone are left as they are. Without a limit nothing is folded.
 */
export function folded(text: string, columns: number | undefined, indent: number): string {
  if (columns === undefined) return text
  return text
    .split('\n')
    .map((line) => foldedLine(line, columns, indent))
    .join('\n')
}

function foldedLine(line: string, columns: number, indent: number): string {
  if (Bun.stringWidth(line) <= columns) return line
  const lines: string[] = []
  let current = ''
  for (const word of line.split(/(?<=\S)(?= +\S)/)) {
    const isFull = current !== '' && Bun.stringWidth(current + word) > columns
    if (isFull) lines.push(current)
    current = isFull ? ' '.repeat(indent) + word.trimStart() : current + word
  }
  return [...lines, current].join('\n')
}
