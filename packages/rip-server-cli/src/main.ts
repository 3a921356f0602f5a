import { run } from './run.ts'

// A reader that went away (`rip-server start | head -1`) must not end a server.
process.stdout.on('error', () => {})
process.stderr.on('error', () => {})

const code = await run(process.argv.slice(2))
process.stdout.write('', () => process.exit(code))
