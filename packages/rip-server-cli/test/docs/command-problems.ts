import { BalancerError, configProblems } from '@rip/balancer'
import { type SettingName, settingNames, settingSpecs } from '@rip/server/settings'
import { parseFlags } from '../../../rip-balancer/src/cli/flags.ts'
import { parseOperation } from '../../../rip-balancer/src/cli/operations.ts'
import { type CommandLine, parseCommandLine, readOwnWords } from '../../src/command-line/command-line.ts'
import { CliError } from '../../src/errors.ts'
import type { Words } from './shell-words.ts'

/** A command line of ours within another one, such as `sudo -u shop rip-server status`. */
export interface OurCommand {
  readonly program: 'rip-server' | 'rip-balancer'
  readonly args: Words
}

/** Programs for which ours is a file. */
const HANDLES_FILES = /^(?:ln|cp|mv|ls|which)$/

/** The command of ours in the words of a shell, if there is one. */
export function ourCommand(words: Words): OurCommand | undefined {
  if (HANDLES_FILES.test(words[0] ?? '')) return undefined
  const at = words.findIndex((word, index) => {
    const isProgram = /^(?:.*bin\/|)rip-(?:server|balancer)$/.test(word)
    // `npx -p rip-server rip-server dev` names the package first.
    return isProgram && words[index - 1] !== '-p' && words[index - 1] !== 'install'
  })
  if (at === -1) return undefined
  const program = words[at]!.endsWith('rip-balancer') ? 'rip-balancer' : 'rip-server'
  return { program, args: words.slice(at + 1) }
}

/** What the programs would say about these words; empty when they take them. */
export function problemsOf(command: OurCommand): readonly string[] {
  try {
    return command.program === 'rip-server' ? serverProblems(command.args) : balancerProblems(command.args)
  } catch (error) {
    if (error instanceof CliError && error.code === 'USAGE')
      return (error as CliError<'USAGE'>).detail.problems
    if (error instanceof BalancerError) return [error.message]
    throw error
  }
}

function serverProblems(args: Words): readonly string[] {
  const line = parseCommandLine(args, (path) => !/^[a-z-]+$/.test(path))
  if (line.command.name !== 'balancer') return valueProblems(line)
  const isAlone = line.words.some((word) => /^--(?:to|admin)\b/.test(word))
  return isAlone ? balancerProblems(line.words) : valueProblems(readOwnWords('balancer', line.words))
}

/** Settings whose values are looked up in this system. */
const OF_THIS_MACHINE: readonly SettingName[] = ['user', 'balancerUser']

/** What is written in capitals stands for a value, as `%i` does in a unit. */
const isPlaceholder = (text: string): boolean => /^[A-Z]|…|%i/.test(text)

function valueProblems({ flags }: CommandLine): readonly string[] {
  return [...flags].flatMap(([flag, { value }]) => {
    const name: SettingName | undefined = settingNames.find((each) => settingSpecs[each].flag === flag)
    if (name === undefined || OF_THIS_MACHINE.includes(name) || isPlaceholder(value)) return []
    try {
      settingSpecs[name].parse(value)
      return []
    } catch {
      return [`--${flag} is not ${value}`]
    }
  })
}

function balancerProblems(args: Words): readonly string[] {
  if (parseOperation(args) !== undefined) return []
  const { config } = parseFlags(args, [])
  return args.some(isPlaceholder) ? [] : configProblems(config)
}
