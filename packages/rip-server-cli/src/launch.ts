/** What `bin/rip-server` starts: the program of the command line, if it can from the bundle. */
import { dirname } from 'node:path'
import { compiledProgram } from '@rip/server/bundle'
import { onlyServes } from './only-serves.ts'

const compiled = onlyServes(process.argv.slice(2))
  ? compiledProgram(dirname(import.meta.dir), 'serving.js')
  : undefined
await (compiled === undefined ? import('./main.ts') : import(compiled))
