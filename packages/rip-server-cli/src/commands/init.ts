import { existsSync, statSync } from 'node:fs'
import { dirname, isAbsolute, relative, resolve } from 'node:path'
import { didYouMean, wrapped } from '@rip/balancer/text'
import { findConfigFile } from '@rip/server/sources'
import { CliError } from '../errors.ts'
import { ExitCode } from '../exit-code.ts'
import { flagValue, type Invocation, isOn } from '../invocation.ts'
import { bunCommand } from '../starter/bun-command.ts'
import {
  dependsOn,
  type ExistingApplication,
  existingApplication,
  isCompanion,
} from '../starter/existing-application.ts'
import { installPackages } from '../starter/install-packages.ts'
import { inTheWay, writeNewFiles } from '../starter/new-files.ts'
import { linkOwnPackages, ownPackages } from '../starter/own-packages.ts'
import { needsPackages } from '../starter/package-manifest.ts'
import { shellWord } from '../terminal/shell-word.ts'
import { isCurrentFolderGone } from '../working-folder.ts'
import { type Language, languages, type Starter, starterText, templates } from '../starter/starter.ts'
import { configurationFiles, starterFiles } from '../starter/starter-files.ts'

/** With the blanks before it, the list of the files fits a terminal of 80 columns. */
const LIST_COLUMNS = 78

/** Writes an application to begin with, or what an application that is there lacks. */
export async function init(invocation: Invocation): Promise<number> {
  const { line, cwd } = invocation
  const [word = '.'] = line.words
  if (!isAbsolute(word) && isCurrentFolderGone()) throw misuse('the current folder has been deleted')
  const folder = resolve(cwd, word)
  const starter = chosenStarter(invocation, folder)
  refuseFile(folder)
  const existing = existingApplication(folder)
  if (existing === undefined) {
    const run = await writeStarter(folder, starter, invocation)
    const { terminal } = invocation
    if (!line.flags.has('template'))
      terminal.say(`  others: --template ${templates.slice(1).join(', ')}; --language ts`)
    terminal.say(`\n  ${terminal.strong(run)}\n`)
    return ExitCode.done
  }
  if (line.flags.has('template')) throw new CliError('APPLICATION_EXISTS', { folder, found: existing.found })
  return complete(folder, existing, invocation)
}

/** @throws CliError `USAGE` */
function chosenStarter(invocation: Invocation, folder: string): Starter {
  return {
    template: choice(invocation, 'template', templates) ?? 'plain',
    language: choice(invocation, 'language', languages) ?? languageOf(folder),
  }
}

/** A folder that is prepared for TypeScript gets TypeScript. */
export function languageOf(folder: string): Language {
  return existsSync(resolve(folder, 'tsconfig.json')) ? 'ts' : 'rip'
}

function choice<T extends string>(invocation: Invocation, flag: string, known: readonly T[]): T | undefined {
  const value = flagValue(invocation, flag)
  const found = known.find((name) => name === value)
  if (value === undefined || found !== undefined) return found
  throw misuse(`--${flag} ${value}: there are ${known.join(', ')}${didYouMean(value, known)}`)
}

/** @throws CliError `USAGE` where the folder, or one above it, is a file */
function refuseFile(folder: string): void {
  if (!existsSync(folder) && dirname(folder) !== folder) return refuseFile(dirname(folder))
  if (!statSync(folder).isDirectory()) throw misuse(`${folder} is a file, and no folder`)
}

function misuse(problem: string): CliError {
  return new CliError('USAGE', { problems: [problem], help: 'rip-server init --help' })
}

/**
 * Writes a starter, and installs what it needs. Resolves with the command that runs it.
 *
 * @throws CliError `FILES_EXIST`, `FILE_NOT_MADE`, `NOT_INSTALLED`
 */
export async function writeStarter(
  folder: string,
  starter: Starter,
  invocation: Invocation,
): Promise<string> {
  const { terminal, cwd, env } = invocation
  const own = ownPackages()
  const bun = bunCommand(env['PATH'])
  const files = starterFiles(folder, starter, own, bun)
  const existing = inTheWay(folder, files)
  const conflicts = existing.filter((path) => !isCompanion(path))
  if (conflicts.length > 0) throw new CliError('FILES_EXIST', { folder, conflicts })
  const written = files.filter(({ path }) => !existing.some((known) => isAtOrBelow(path, known)))
  writeNewFiles(folder, written)
  const place = relative(cwd, folder)
  terminal.say(`${terminal.good('✓')} ${starterText(starter)}${place === '' ? '' : ` in ${place}`}`)
  for (const line of wrapped(written.map(({ path }) => path).join(', '), LIST_COLUMNS))
    terminal.say(terminal.faint(`  ${line}`))
  if (existing.length > 0) terminal.say(`  left as it is: ${existing.join(', ')}`)
  const needs = needsPackages(starter, own)
  const installs = needs && !isOn(invocation, 'no-install')
  const reason = installs ? await installPackages(folder) : undefined
  if (own === undefined) linkOwnPackages(folder)
  if (reason !== undefined) throw new CliError('NOT_INSTALLED', { reason, run: runCommand(bun, place, true) })
  return runCommand(bun, place, needs && !installs)
}

const isAtOrBelow = (path: string, known: string): boolean => path === known || path.startsWith(`${known}/`)

/** The configuration of an application that is there, unless it has one. */
function complete(folder: string, { found, problem }: ExistingApplication, invocation: Invocation): number {
  const { terminal, cwd } = invocation
  const config = findConfigFile(folder)
  const place = relative(cwd, folder)
  if (config !== undefined)
    terminal.say(`nothing is needed: there is ${found}, and ${relative(folder, config)}`)
  else {
    const files = configurationFiles(dependsOn(folder, 'rip-server'))
    writeNewFiles(folder, files)
    for (const { path } of files) terminal.say(`${terminal.good('✓')} ${path}, for ${found}`)
  }
  if (problem !== undefined) terminal.say(problem)
  terminal.say(`\n  ${terminal.strong(`rip-server dev${place === '' ? '' : ` ${shellWord(place)}`}`)}\n`)
  return ExitCode.done
}

/** The command that starts what was written. */
function runCommand(bun: string, place: string, installs: boolean): string {
  const steps = [
    place === '' ? [] : `cd ${shellWord(place)}`,
    installs ? `${bun} install` : [],
    `${bun} run dev`,
  ]
  return steps.flat().join(' && ')
}
