/**
 * The program that a supervisor starts for each worker, and that serves an application without a supervisor. See
 * `USAGE` for the command line and `WorkerEnvironment` for what a supervisor passes.
 */
import { readSettings, type Settings, USAGE, UsageError } from './program/settings.ts'
import { standBy } from './program/standby.ts'
import { SupervisorPipe } from './program/supervisor-pipe.ts'
import { STOP_SIGNALS, type StopSignal } from './program/stop-signals.ts'
import { type Beginnings, WorkerProgram } from './program/worker-program.ts'

const EXIT_USAGE = 2
/**
 * The parent process may pass on a signal that the whole process group got (`bun run`, `npm run`), so signals that
 * arrive this close together count as one.
 */
const SAME_REQUEST_MS = 250

// Where it is no module of its own, an application would find this program as `require.main`.
delete import.meta.require.cache[import.meta.path]
// Not awaited, since what is compiled ahead of time cannot wait at its top level.
void main().then(
  (exitCode) => {
    if (exitCode !== undefined) process.exit(exitCode)
  },
  (error: unknown) => {
    process.stderr.write(`${Bun.inspect(error)}\n`)
    process.exit(1)
  },
)

/** Resolves to undefined in a background process, which ends when it has nothing more to do. */
async function main(): Promise<number | undefined> {
  try {
    const standsBy = process.env['RIP_STANDBY'] === '1'
    if (standsBy || process.env['RIP_CONTROL'] !== undefined) surviveSignals()
    const pipe =
      standsBy || process.env['RIP_CONTROL'] !== undefined ? await SupervisorPipe.open() : undefined
    void pipe?.end().then(endChildrenAtExit)
    if (standsBy && !(await standBy(pipe))) return 0
    const startedMs = standsBy ? performance.now() : 0
    const settings = readSettings(process.argv.slice(2), process.env)
    if (settings.background !== undefined) return await runInBackground(settings, pipe)
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

/** Not awaited: the runtime would not notice any more that there is nothing left to do. */
async function runInBackground(settings: Settings, pipe: SupervisorPipe | undefined): Promise<undefined> {
  const { BackgroundProgram } = await import('./program/background-program.ts')
  const program = new BackgroundProgram(settings, pipe)
  process.on('uncaughtException', (error) => program.uncaught(error))
  process.on('unhandledRejection', (error) => program.uncaught(error))
  process.on('beforeExit', () => program.idle())
  process.on('SIGTERM', () => program.askToLeave())
  void program.run().then((code) => process.exit(code))
}

/** The supervisor, which ends what an application has left behind, is gone. Runs after listeners of the application. */
function endChildrenAtExit(): void {
  process.on('exit', () => {
    try {
      process.kill(-process.pid, 'SIGTERM')
    } catch {
      // ESRCH: the supervisor has made no group of this process.
    }
  })
}

/** The first signal ends the worker gracefully, the next one at once. */
function stopOnSignals(program: WorkerProgram): void {
  let askedAtMs: number | undefined
  onStopSignals((signal) => {
    const exitCode = 128 + STOP_SIGNALS[signal]
    if (askedAtMs === undefined) {
      askedAtMs = performance.now()
      return program.stop(signal, exitCode)
    }
    if (performance.now() - askedAtMs < SAME_REQUEST_MS) return
    program.tellCutOff()
    process.exit(exitCode)
  })
}

function obeySupervisor(program: WorkerProgram): void {
  process.on('SIGTERM', () => program.askToLeave())
}

/** Ignores signals to stop, which may reach every process of the server at once: the supervisor decides. */
function surviveSignals(): void {
  const others = ['SIGHUP', 'SIGUSR1', 'SIGUSR2', 'SIGTTIN', 'SIGTTOU']
  for (const signal of [...Object.keys(STOP_SIGNALS), ...others]) process.on(signal, () => {})
}

function onStopSignals(take: (signal: StopSignal) => void): void {
  for (const signal of Object.keys(STOP_SIGNALS)) process.on(signal, () => take(signal as StopSignal))
}
