import type { NewFile } from '../../src/starter/starter-files.ts'
import { readPage } from '../docs/page.ts'

/** The blocks of a page behind a mark such as `<!-- file: hello/app.rip -->`. */
export function pageFiles(page: string): readonly NewFile[] {
  const { text } = readPage(`docs/${page}.md`)
  const blocks = text.matchAll(/<!-- file: (\S+) -->\n\n```\w+\n([^]*?)^```$/gm)
  return [...blocks].map(([, path = '', content = '']) => ({ path, text: content }))
}
