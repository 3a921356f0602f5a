/** The program `rip-server`. */
import { programs } from './programs.ts'
import { runHere } from './run-here.ts'

await runHere(programs)
