/** Converts a type to TypeScript: removes comments, adds the parentheses of `=> T`, and writes `T?` as a union. */
export function typeText(text: string): string {
  const plain = withoutComments(text).trim()
  const called = plain.startsWith('=>') ? `() ${plain}` : plain
  return called.endsWith('?') ? `${called.slice(0, -1)} | undefined` : called
}

/** The text without comments: everything after a `#` outside quotes. */
export function withoutComments(text: string): string {
  return text.replace(/("(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')|[ \t]*#[^\n]*/g, (_, quoted?: string) => {
    return quoted ?? ''
  })
}
