/**
 * Writes the definitions of the language for editors, all from the table in words.ts and patterns.ts.
 *
 *   bun run colours
 */
import { writeFileSync } from 'node:fs'
import { definitions } from './definitions.ts'
import { formatted } from './formatted.ts'

for (const [path, text] of definitions())
  writeFileSync(new URL(`../${path}`, import.meta.url), formatted(path, text))
