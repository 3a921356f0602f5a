import { ServerError } from '@rip/server/settings'
import { type CommandLine, parseCommandLine, notACommand } from './command-line/command-line.ts'
import { commandData, commandHelp, overview } from './command-line/help.ts'
import { commandNamed } from './command-line/commands.ts'
import { manPage } from './command-line/man-page.ts'
import { SERVING, surviveEarlySignals } from './early-signals.ts'
import { expectedExitCode } from './expected-exit-code.ts'
import { ExitCode } from './exit-code.ts'
import type { Invocation } from './invocation.ts'
import { processTerminal, type Terminal, type TerminalOptions } from './terminal/terminal.ts'
import { workingFolder } from './working-folder.ts'
import manifest from '../package.json' with { type: 'json' }

type Run = (invocation: Invocation) => Promise<number>

/** The function of each command, loaded when the command runs. */
const programs: Readonly<Record<string, () => Promise<Run>>> = {
  start: async () => (await import('./commands/serve.ts')).start,
  dev: async () => (await import('./commands/serve.ts')).dev,
  init: async () => (await import('./commands/init.ts')).init,
  reload: async () => (await import('./commands/change.ts')).reload,
  restart: async () => (await import('./commands/change.ts')).restart,
  rollback: async () => (await import('./commands/change.ts')).rollback,
  stop: async () => (await import('./commands/stop.ts')).stop,
  scale: async () => (await import('./commands/scale.ts')).scale,
  hold: async () => (await import('./commands/hold.ts')).hold,
  resume: async () => (await import('./commands/hold.ts')).resume,
  release: async () => (await import('./commands/hold.ts')).resume,
  status: async () => (await import('./commands/status.ts')).status,
  inspect: async () => (await import('./commands/inspect.ts')).inspect,
  trace: async () => (await import('./commands/trace.ts')).trace,
  why: async () => (await import('./commands/why.ts')).why,
  ps: async () => (await import('./commands/ps.ts')).ps,
  logs: async () => (await import('./commands/logs.ts')).logs,
  events: async () => (await import('./commands/events.ts')).events,
  top: async () => (await import('./commands/top.ts')).top,
  check: async () => (await import('./commands/check.ts')).check,
  worker: async () => (await import('./commands/worker.ts')).worker,
  balancer: async () => (await import('./commands/balancer.ts')).balancer,
  manager: async () => (await import('./commands/manager.ts')).manager,
  config: async () => (await import('./commands/config.ts')).config,
  explain: async () => (await import('./commands/explain.ts')).explain,
  doctor: async () => (await import('./commands/doctor.ts')).doctor,
  run: async () => (await import('./commands/run-program.ts')).runProgram,
  completion: async () => (await import('./commands/completion.ts')).completion,
  compile: async () => (await import('./commands/compile.ts')).compile,
}

/** What a command line runs in. */
export interface Surroundings {
  readonly terminal: (options: TerminalOptions) => Terminal
  readonly cwd: string
  readonly env: Readonly<Record<string, string | undefined>>
}

/**
 * Runs the command line and resolves with the exit code. Prints every expected failure as one message.
 *
 * @param surroundings @default those of this process
 */
export async function run(args: readonly string[], surroundings?: Surroundings): Promise<number> {
  const terminalFor = surroundings?.terminal ?? processTerminal
  let terminal = terminalFor({ quiet: false, color: !args.includes('--no-color') })
  try {
    const line = parseCommandLine(args)
    terminal = terminalFor({ quiet: line.flags.has('quiet'), color: !line.flags.has('no-color') })
    return await runCommand(line, terminal, surroundings)
  } catch (error) {
    return report(error, terminal)
  }
}

/** Whether this is the command line of a server, as opposed to a command that prints something and ends. */
export function becomesServer(args: readonly string[]): boolean {
  try {
    const { name } = parseCommandLine(args).command
    return SERVING.has(name) || name === 'balancer' || name === 'worker'
  } catch {
    return false
  }
}

async function runCommand(
  line: CommandLine,
  terminal: Terminal,
  surroundings: Surroundings | undefined,
): Promise<number> {
  if (line.flags.has('version')) {
    terminal.data(manifest.version)
    return ExitCode.done
  }
  if (line.flags.has('help')) {
    terminal.data(line.named ? commandHelp(line.command, terminal) : overview(terminal))
    return ExitCode.done
  }
  if (line.command.name === 'help') return help(line, terminal)
  surviveEarlySignals(line.command.name)
  using _busy = line.command.busy === undefined ? undefined : terminal.busy?.(line.command.busy)
  const program = await programs[line.command.name]!()
  const { cwd, env } = surroundings ?? { cwd: workingFolder(process.env), env: process.env }
  return await program({ line, terminal, cwd, env })
}

function help(line: CommandLine, terminal: Terminal): number {
  const [name] = line.words
  const command = name === undefined ? undefined : commandNamed(name)
  if (line.flags.has('json')) terminal.data(JSON.stringify(commandData(), null, 2))
  else if (line.flags.has('man')) terminal.data(manPage().trimEnd())
  else if (name === undefined) terminal.data(overview(terminal))
  else if (command !== undefined) terminal.data(commandHelp(command, terminal))
  else throw notACommand(name, 'is not a command')
  return ExitCode.done
}

function report(error: unknown, terminal: Terminal): number {
  const code = expectedExitCode(error)
  // An unexpected failure is printed with its stack.
  const message =
    code === undefined ? stackOf(error) : `${terminal.bad('rip-server:')} ${helpfulMessage(error)}`
  terminal.complain(message)
  return code ?? ExitCode.failed
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}

function helpfulMessage(error: unknown): string {
  const { message } = error as Error
  const isUsage = error instanceof ServerError && error.code === 'FLAGS_INVALID'
  return isUsage ? `${message}\n\nSee rip-server --help.` : message
}
