import { becomesServer, type Programs, run } from './run.ts'
import { flushed } from './terminal/flushed.ts'

/** Runs the command line of this process, and then ends it. */
export async function runHere(programs: Programs): Promise<void> {
  // A reader that went away (`rip-server start | head -1`) must not end a server.
  process.stdout.on('error', () => {})
  process.stderr.on('error', () => {})
  const args = process.argv.slice(2)
  const code = await run(args, programs)
  // A server does not wait for a reader of its output that has stopped reading.
  if (!becomesServer(args)) await flushed(process.stdout, process.stderr)
  process.stdout.write('', () => process.exit(code))
}
