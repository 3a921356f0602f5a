/**
 * A value of a `.env` file with its references to other variables resolved, as Bun does it (1.4.5): `$NAME`, `${NAME}`,
 * `${NAME:-default}`, the default with references of its own, and `\$` for the character. Other text stays unchanged.
 */
export function expandVariables(text: string, valueOf: (name: string) => string | undefined): string {
  let expanded = ''
  let at = 0
  while (at < text.length) {
    const reference = referenceAt(text, at)
    if (reference === 'unclosed') return expanded + text.slice(at)
    const { end, name, otherwise } = reference
    expanded += name === undefined ? otherwise : (valueOf(name) ?? expandVariables(otherwise, valueOf))
    at = end
  }
  return expanded
}

interface Reference {
  readonly end: number
  /** Absent for plain text. */
  readonly name?: string
  /** The plain text, or the default. */
  readonly otherwise: string
}

function referenceAt(text: string, at: number): Reference | 'unclosed' {
  if (text.startsWith('\\$', at)) return { end: at + 2, otherwise: '$' }
  if (text[at] !== '$') return plainFrom(text, at)
  if (text[at + 1] === '{') return bracedAt(text, at)
  const name = matchAt(/\w*/y, text, at + 1)
  if (name === '') return { end: at + 1, otherwise: '$' }
  return { end: at + 1 + name.length, name, otherwise: '' }
}

function plainFrom(text: string, at: number): Reference {
  const otherwise = matchAt(/\\?[^$\\]*/y, text, at)
  return { end: at + otherwise.length, otherwise }
}

function bracedAt(text: string, at: number): Reference | 'unclosed' {
  const close = closingBrace(text, at + 2)
  if (close === undefined) return 'unclosed'
  const end = close + 1
  const inside = /^(\w*)(?::-(.*))?$/s.exec(text.slice(at + 2, close))
  if (inside === null) return { end, otherwise: text.slice(at, end) }
  return { end, name: inside[1] ?? '', otherwise: inside[2] ?? '' }
}

function closingBrace(text: string, from: number): number | undefined {
  let depth = 1
  for (let at = from; at < text.length; at += 1) {
    if (text[at] === '\\') at += 1
    else if (text.startsWith('${', at)) depth += 1
    else if (text[at] === '}' && (depth -= 1) === 0) return at
  }
  return undefined
}

function matchAt(pattern: RegExp, text: string, at: number): string {
  pattern.lastIndex = at
  return pattern.exec(text)?.[0] ?? ''
}
