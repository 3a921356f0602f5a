import { BalancerError } from '../../errors.ts'
import { bashCompletion } from './bash.ts'
import { type Shell, SHELLS } from './candidates.ts'
import { fishCompletion } from './fish.ts'
import { zshCompletion } from './zsh.ts'

const SCRIPTS: Readonly<Record<Shell, () => string>> = {
  bash: bashCompletion,
  zsh: zshCompletion,
  fish: fishCompletion,
}

/** A script with which a shell completes command lines. @throws `USAGE` for a shell that there is none for */
export function completionScript(name: string): string {
  const shell = SHELLS.find((each) => each === name)
  if (shell !== undefined) return SCRIPTS[shell]()
  const message = `there is a script for ${SHELLS.join(', ')}, and none for ${JSON.stringify(name)}`
  throw new BalancerError('USAGE', { message })
}
