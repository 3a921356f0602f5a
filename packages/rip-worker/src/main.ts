/**
 * The program a supervisor starts for each worker, and that serves an application alone. See `USAGE` for the
 * command line and `WorkerEnvironment` for what a supervisor passes.
 */
import { readSettings, type Settings, USAGE, UsageError } from './program/settings.ts'
import { standBy } from './program/standby.ts'
import { SupervisorPipe } from './program/supervisor-pipe.ts'
import { type Beginnings, WorkerProgram } from './program/worker-program.ts'

const EXIT_USAGE = 2
const SIGNAL_NUMBERS = { SIGINT: 2, SIGQUIT: 3, SIGTERM: 15 } as const

process.exit(await main())

async function main(): Promise<number> {
  try {
    const standsBy = process.env['RIP_STANDBY'] === '1'
    const pipe =
      standsBy || process.env['RIP_CONTROL'] !== undefined ? await SupervisorPipe.open() : undefined
    if (standsBy && !(await standBy(pipe))) return 0
    const startedMs = standsBy ? performance.now() : 0
    const settings = readSettings(process.argv.slice(2), process.env)
    if (!settings.help) return await run(settings, { pipe, startedMs })
    process.stdout.write(USAGE)
    return 0
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    process.stderr.write(`error: ${error.message}\n\n${USAGE}`)
    return EXIT_USAGE
  }
}

function run(settings: Settings, beginnings: Beginnings): Promise<number> {
  const program = new WorkerProgram(settings, beginnings)
  process.on('uncaughtException', (error) => program.uncaught(error))
  process.on('unhandledRejection', (error) => program.unhandledRejection(error))
  process.on('exit', () => program.exiting())
  if (settings.control === undefined) stopOnSignals(program)
  else obeySupervisor(program)
  return program.run()
}

/** The first signal ends gracefully, the second at once. */
function stopOnSignals(program: WorkerProgram): void {
  let stopping = false
  for (const [signal, number] of Object.entries(SIGNAL_NUMBERS)) {
    process.on(signal, () => {
      if (stopping) process.exit(128 + number)
      stopping = true
      program.stop(128 + number)
    })
  }
}

/** Signals of the terminal reach the whole group; what they mean is the supervisor's to decide. */
function obeySupervisor(program: WorkerProgram): void {
  process.on('SIGTERM', () => program.stop(0))
  for (const signal of ['SIGINT', 'SIGQUIT', 'SIGHUP'] as const) process.on(signal, () => {})
}
