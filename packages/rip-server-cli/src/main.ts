import { run } from './run.ts'

// A reader that went away (`rip-server events | head -1`) is not an error of ours.
process.stdout.on('error', () => process.exit(0))
process.stderr.on('error', () => {})

const code = await run(process.argv.slice(2))
process.stdout.write('', () => process.exit(code))
