import { existsSync, statSync } from 'node:fs'
import { relative, resolve } from 'node:path'
import { didYouMean } from '@rip/balancer/text'
import { findConfigFile } from '@rip/server/sources'
import { CliError } from '../errors.ts'
import { ExitCode } from '../exit-code.ts'
import { flagValue, type Invocation, isOn } from '../invocation.ts'
import {
  type ExistingApplication,
  existingApplication,
  isCompanion,
} from '../starter/existing-application.ts'
import { installPackages } from '../starter/install-packages.ts'
import { inTheWay, writeNewFiles } from '../starter/new-files.ts'
import { linkOwnPackages, ownPackages } from '../starter/own-packages.ts'
import { needsPackages } from '../starter/package-manifest.ts'
import { shellWord } from '../terminal/shell-word.ts'
import { type Language, languages, type Starter, starterText, templates } from '../starter/starter.ts'
import { configurationFiles, starterFiles } from '../starter/starter-files.ts'

/** Writes an application to begin with, or what an application that is there lacks. */
export async function init(invocation: Invocation): Promise<number> {
  const { line, cwd } = invocation
  const folder = resolve(cwd, line.words[0] ?? '.')
  const starter = chosenStarter(invocation, folder)
  refuseFile(folder)
  const existing = existingApplication(folder)
  if (existing === undefined) return writeStarter(folder, starter, invocation)
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
  const problem = `--${flag} ${value}: there are ${known.join(', ')}${didYouMean(value, known)}`
  throw new CliError('USAGE', { problems: [problem], help: 'rip-server init --help' })
}

function refuseFile(folder: string): void {
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() === false)
    throw new CliError('USAGE', { problems: [`${folder} is a file`], help: 'rip-server init --help' })
}

/**
 * Writes a starter, installs what it needs, and says how to run it.
 *
 * @throws CliError `FILES_EXIST`, `FILE_NOT_MADE`, `NOT_INSTALLED`
 */
export async function writeStarter(
  folder: string,
  starter: Starter,
  invocation: Invocation,
): Promise<number> {
  const { terminal, cwd } = invocation
  const own = ownPackages()
  const files = starterFiles(folder, starter, own)
  const existing = inTheWay(folder, files)
  const conflicts = existing.filter((path) => !isCompanion(path))
  if (conflicts.length > 0) throw new CliError('FILES_EXIST', { folder, conflicts })
  const written = files.filter(({ path }) => !existing.some((known) => isAtOrBelow(path, known)))
  writeNewFiles(folder, written)
  const place = relative(cwd, folder)
  terminal.say(`${terminal.good('✓')} ${starterText(starter)}${place === '' ? '' : ` in ${place}`}`)
  terminal.say(terminal.faint(`  ${written.map(({ path }) => path).join('  ')}`))
  if (existing.length > 0) terminal.say(`  left as it is: ${existing.join(', ')}`)
  const run = runCommand(place)
  if (!isOn(invocation, 'no-install') && needsPackages(starter, own)) await install(folder, run)
  if (own === undefined) linkOwnPackages(folder)
  if (!invocation.line.flags.has('template'))
    terminal.say(`  others: --template ${templates.slice(1).join(', ')}; --language ts`)
  terminal.say(`\n  ${terminal.strong(run)}\n`)
  return ExitCode.done
}

const isAtOrBelow = (path: string, known: string): boolean => path === known || path.startsWith(`${known}/`)

/** @throws CliError `NOT_INSTALLED` */
async function install(folder: string, run: string): Promise<void> {
  const reason = await installPackages(folder)
  if (reason !== undefined) throw new CliError('NOT_INSTALLED', { reason, run })
}

/** The configuration of an application that is there, unless it has one. */
function complete(folder: string, { found, problem }: ExistingApplication, invocation: Invocation): number {
  const { terminal, cwd } = invocation
  const config = findConfigFile(folder)
  const place = relative(cwd, folder)
  if (config !== undefined)
    terminal.say(`nothing is needed: there is ${found}, and ${relative(folder, config)}`)
  else {
    const files = configurationFiles(ownPackages())
    writeNewFiles(folder, files)
    for (const { path } of files)
      terminal.say(`${terminal.good('✓')} ${path}, for ${found}; nothing else is needed`)
  }
  if (problem !== undefined) terminal.say(problem)
  terminal.say(`\n  ${terminal.strong(`rip-server dev${place === '' ? '' : ` ${shellWord(place)}`}`)}\n`)
  return ExitCode.done
}

/** The command that starts what was written. Without Bun on the path, npm brings it. */
function runCommand(place: string): string {
  const found = Bun.which('bun')
  const bun = found === null || found.includes('/_npx/') ? `npx -y bun@${Bun.version}` : 'bun'
  return `${place === '' ? '' : `cd ${shellWord(place)} && `}${bun} run dev`
}
