/**
 * The program that a supervisor starts for each worker of an application that is run by a command:
 *
 *   bun command-main.ts PRELOAD TEXT PROGRAM [ARGUMENTS]
 *
 * `PRELOAD` is the path of `command/preload/main.cjs`, `TEXT` the command as the user wrote it. See `WorkerEnvironment`
 * for what a supervisor passes besides.
 */
import { CommandProgram } from './command/command-program.ts'
import { loadCLibrary } from './program/c-library.ts'
import { keepApart } from './program/keep-apart.ts'
import { SupervisorPipe } from './program/supervisor-pipe.ts'
import { STOP_SIGNALS } from './program/stop-signals.ts'
import { STUCK_SIGNAL } from './protocol.ts'

const DEFAULT_BOOT_TIMEOUT_MS = 30_000
const EXIT_USAGE = 2

process.exit(await main())

async function main(): Promise<number> {
  const [preload, text, program, ...args] = process.argv.slice(2)
  const { env } = process
  const socket = env['RIP_SOCKET']
  if (preload === undefined || text === undefined || program === undefined || socket === undefined) {
    process.stderr.write('error: needs RIP_SOCKET, and PRELOAD TEXT PROGRAM [ARGUMENTS]\n')
    return EXIT_USAGE
  }
  if (env['RIP_APART'] === '1') keepApartIfPossible()
  const control = env['RIP_CONTROL']
  const command = new CommandProgram({
    argv: [program, ...args],
    text,
    preload,
    socket,
    control,
    workerId: Number(env['RIP_WORKER_ID'] ?? 1),
    isDevelopment: env['RIP_MODE'] === 'development',
    bootTimeoutMs: Number(env['RIP_BOOT_TIMEOUT_MS'] ?? DEFAULT_BOOT_TIMEOUT_MS),
    env,
    pipe: control === undefined ? undefined : await SupervisorPipe.open(),
  })
  for (const signal of [...Object.keys(STOP_SIGNALS), 'SIGHUP', 'SIGUSR1', 'SIGUSR2'])
    process.on(signal, () => {})
  process.on('SIGTERM', () => command.askToLeave())
  process.on(STUCK_SIGNAL, () => command.tellStuck())
  return await command.run()
}

function keepApartIfPossible(): void {
  try {
    keepApart(loadCLibrary())
  } catch {
    // The C library has another name, as with musl.
  }
}
