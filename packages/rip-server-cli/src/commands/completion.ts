import { type Shell, SHELLS } from '../command-line/completion/candidates.ts'
import { bashCompletion } from '../command-line/completion/bash.ts'
import { fishCompletion } from '../command-line/completion/fish.ts'
import { zshCompletion } from '../command-line/completion/zsh.ts'
import { CliError } from '../errors.ts'
import { ExitCode } from '../exit-code.ts'
import type { Invocation } from '../invocation.ts'

const SCRIPTS: Readonly<Record<Shell, () => string>> = {
  bash: bashCompletion,
  zsh: zshCompletion,
  fish: fishCompletion,
}

/** Prints a script with which a shell completes command lines. @throws CliError `USAGE` */
export async function completion({ line, terminal }: Invocation): Promise<number> {
  const [word = ''] = line.words
  const shell = SHELLS.find((each) => each === word)
  if (shell !== undefined) {
    terminal.data(SCRIPTS[shell]().trimEnd())
    return ExitCode.done
  }
  const problem = `there is a script for ${SHELLS.join(', ')}, and none for ${JSON.stringify(word)}`
  throw new CliError('USAGE', { problems: [problem], help: 'rip-server completion --help' })
}
