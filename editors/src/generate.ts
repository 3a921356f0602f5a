/**
 * Writes the language definitions for editors, all from the tables in words.ts and patterns.ts.
 *
 *   bun run colours
 */
import { writeFileSync } from 'node:fs'
import { definitions } from './definitions.ts'
import { formatted } from './formatted.ts'

for (const [path, text] of definitions())
  writeFileSync(new URL(`../${path}`, import.meta.url), formatted(path, text))
