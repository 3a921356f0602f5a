/** The program `rip-server` for command lines that mean `start` or `dev`; from its bundle it loads sooner than `main.ts`. */
import { dev, start } from './commands/serve.ts'
import { runHere } from './run-here.ts'

void runHere({ start: async () => start, dev: async () => dev })
