import { relative } from 'node:path'
import { type CompileEvent, compileTo, type CompileToOptions } from '@rip/transpile'
import { CliError } from '../errors.ts'
import { ExitCode } from '../exit-code.ts'
import { flagValue, type Invocation, isOn } from '../invocation.ts'

/** Compiles files and folders: one file to stdout, any number into the folder of `--out`; `-` is standard input. */
export async function compile(invocation: Invocation): Promise<number> {
  const { terminal } = invocation
  const options = compileOptions(invocation)
  using _busy =
    options.watch === true || options.inputs.includes('-') ? undefined : terminal.busy?.('compiling')
  const { failed } = await compiling(options, {
    readStdin: () => Bun.stdin.text(),
    out: (text) => terminal.data(text.trimEnd()),
    report: (event) => report(event, invocation),
  })
  return failed > 0 ? ExitCode.appFailed : ExitCode.done
}

function compileOptions(invocation: Invocation): CompileToOptions {
  const outDir = flagValue(invocation, 'out')
  return {
    inputs: invocation.line.words,
    maps: isOn(invocation, 'map'),
    dts: isOn(invocation, 'types'),
    watch: isOn(invocation, 'watch'),
    cwd: invocation.cwd,
    ...(outDir !== undefined && { outDir }),
  }
}

/** Turns mistakes of the caller into usage errors. */
async function compiling(...[options, io]: Parameters<typeof compileTo>): ReturnType<typeof compileTo> {
  try {
    return await compileTo(options, io)
  } catch (error) {
    if (!(error instanceof Error)) throw error
    const help = 'rip-server compile --help'
    throw new CliError('USAGE', { problems: [error.message], help }, { cause: error })
  }
}

function report(event: CompileEvent, { terminal, cwd }: Invocation): void {
  if (event.type === 'failed')
    return terminal.complain(`${terminal.bad('rip-server:')} ${event.error.message}`)
  const sign = event.type === 'written' ? terminal.good('✓') : terminal.faint('removed')
  terminal.say(`${sign} ${relative(cwd, event.path)}`)
}
