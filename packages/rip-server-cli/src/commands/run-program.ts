import { existsSync, realpathSync } from 'node:fs'
import { extname, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bunModule, CompileError, selectAdapter } from '@rip/transpile'
import { commandNamed } from '../command-line/commands.ts'
import { commandHelp } from '../command-line/help.ts'
import { CliError } from '../errors.ts'
import { ExitCode } from '../exit-code.ts'
import type { Invocation } from '../invocation.ts'

/**
 * Runs a program in the place of this process, so that signals, the terminal and the exit code are its own. The words
 * after its name are its arguments.
 *
 * @throws CliError `USAGE`
 */
export async function runProgram({ line, terminal, cwd, env }: Invocation): Promise<number> {
  const [first, ...rest] = line.words
  if (first === undefined) throw misuse('there is no FILE and no -e CODE')
  if (first === '--help' || first === '-h') {
    terminal.data(commandHelp(commandNamed('run')!, terminal))
    return ExitCode.done
  }
  const register = fileURLToPath(import.meta.resolve('@rip/transpile/register'))
  const bun = [process.execPath, '--preload', register]
  if (first === '-e') {
    const code = await compiled(rest[0], cwd)
    if (code === undefined) return ExitCode.appFailed
    return become([...bun, '-e', code, ...rest.slice(1)], cwd, env)
  }
  if (first.startsWith('-')) throw misuse(`unknown option ${first}`)
  return become([...bun, programFile(resolve(cwd, first)), ...rest], cwd, env)

  async function compiled(source: string | undefined, root: string): Promise<string | undefined> {
    if (source === undefined) throw misuse('-e needs a value: CODE')
    try {
      const adapter = selectAdapter({ root, extension: '.rip' })
      // With the source map, Bun shows a failure in the source.
      return bunModule(await adapter.compile(source, { filename: '-e', runtime: 'inline', sourceMap: true }))
    } catch (error) {
      if (!CompileError.is(error)) throw error
      terminal.complain(`${terminal.bad('rip-server:')} ${error.message}`)
      return undefined
    }
  }
}

/** Follows a link, because a link may have any name, as commands do, and only its target tells the language. */
function programFile(path: string): string {
  if (!existsSync(path)) throw misuse(`there is no file ${path}`)
  const file = realpathSync(path)
  if (extname(file) === '')
    throw misuse(`${file} has no ending: name it ${file}.rip, and a link to it as you like`)
  return file
}

/** Replaces the process, and then never returns, on every system with `execve`. */
function become(argv: readonly string[], cwd: string, env: NodeJS.ProcessEnv): number {
  process.chdir(cwd)
  const [program = process.execPath] = argv
  const given = Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined)
  process.execve?.(program, [...argv], Object.fromEntries(given))
  const { exitCode } = Bun.spawnSync([...argv], { env, stdio: ['inherit', 'inherit', 'inherit'] })
  return exitCode
}

function misuse(problem: string): CliError {
  return new CliError('USAGE', { problems: [problem], help: 'rip-server run --help' })
}
