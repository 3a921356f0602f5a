import { readFileSync } from 'node:fs'

/** The examples of the language guide that compile. */
export function guideExamples(): string[] {
  const guide = readFileSync(new URL('../../docs/rip-language.md', import.meta.url), 'utf8')
  return [...guide.matchAll(/^```rip\n([^]*?)^```$/gm)].map(([, text = '']) => text)
}
