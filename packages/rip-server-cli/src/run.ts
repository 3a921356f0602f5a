import { ServerError } from '@rip/server/settings'
import { type CommandLine, parseCommandLine, notACommand } from './command-line/command-line.ts'
import { commandData, commandHelp, overview } from './command-line/help.ts'
import { commandNamed } from './command-line/commands.ts'
import { manPage } from './command-line/man-page.ts'
import { SERVING, surviveEarlySignals } from './early-signals.ts'
import { expectedExitCode } from './expected-exit-code.ts'
import { ExitCode } from './exit-code.ts'
import type { Invocation } from './invocation.ts'
import { ownManifest } from './own-manifest.ts'
import { processTerminal, type Terminal, type TerminalOptions } from './terminal/terminal.ts'
import { workingFolder } from './working-folder.ts'

type Run = (invocation: Invocation) => Promise<number>

/** The functions of commands by name, each loaded when its command runs. */
export type Programs = Readonly<Record<string, () => Promise<Run>>>

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
export async function run(
  args: readonly string[],
  programs: Programs,
  surroundings?: Surroundings,
): Promise<number> {
  const terminalFor = surroundings?.terminal ?? processTerminal
  let terminal = terminalFor({ quiet: false, color: !args.includes('--no-color') })
  try {
    const line = parseCommandLine(args)
    terminal = terminalFor({ quiet: line.flags.has('quiet'), color: !line.flags.has('no-color') })
    return await runCommand(line, programs, { terminal, surroundings })
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

interface Place {
  readonly terminal: Terminal
  readonly surroundings: Surroundings | undefined
}

async function runCommand(
  line: CommandLine,
  programs: Programs,
  { terminal, surroundings }: Place,
): Promise<number> {
  if (line.flags.has('version')) {
    terminal.data(ownManifest().version)
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
