/** The code block behind a mark in a page of documentation, such as `<!-- test: app.ts -->`. @throws Error without one */
export function markedBlock(page: string, mark: string): string {
  const at = page.indexOf(`<!-- test: ${mark} -->`)
  const match = /```\w+\n(.*?)```/s.exec(page.slice(at))
  if (at === -1 || match === null) throw new Error(`the page has no block marked ${mark}`)
  return match[1]!
}
