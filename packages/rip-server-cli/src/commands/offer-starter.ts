import { existsSync } from 'node:fs'
import { extname, relative, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { didYouMean } from '@rip/balancer/text'
import { ServerError } from '@rip/server/settings'
import { CliError } from '../errors.ts'
import { flagValue, type Invocation, isOn } from '../invocation.ts'
import { isBare, isNotFound } from '../starter/existing-application.ts'
import { languages, type Starter, templates } from '../starter/starter.ts'
import { shellWord } from '../terminal/shell-word.ts'
import { languageOf, writeStarter } from './init.ts'

/**
 * Offers a starter where no application was found: asks in a terminal, and names the command elsewhere.
 *
 * @param error why the application cannot be served
 * @returns when the answer came, in milliseconds since the start of the process
 * @throws CliError `NO_APPLICATION` unless a starter was written; any other error unchanged
 */
export async function offerStarter(error: unknown, invocation: Invocation): Promise<number> {
  const { line, cwd } = invocation
  const folder = resolve(cwd, flagValue(invocation, 'app') ?? line.words[0] ?? '.')
  if (!isNotFound(error) && !isMissingFolder(error, folder)) throw error
  const starter = (await wantsStarter(folder, invocation)) ?? refuse(error, folder, cwd)
  const answeredMs = performance.now()
  await writeStarter(folder, starter, invocation)
  return answeredMs
}

/** A name without an ending is more likely a folder than a file. */
function isMissingFolder(error: unknown, folder: string): error is ServerError {
  if (!(error instanceof ServerError) || error.code !== 'APP_NOT_FOUND') return false
  return !existsSync(folder) && extname(folder) === ''
}

function refuse({ message }: Error, folder: string, cwd: string): never {
  const place = relative(cwd, folder)
  const command = `rip-server init${place === '' ? '' : ` ${shellWord(place)}`}`
  throw new CliError('NO_APPLICATION', { message, command })
}

/** What the user answers; `undefined` if it is no, and where nobody can be asked. */
async function wantsStarter(folder: string, invocation: Invocation): Promise<Starter | undefined> {
  const { terminal } = invocation
  const isAsked =
    terminal.interactive && process.stdin.isTTY && !isOn(invocation, 'quiet') && !isOn(invocation, 'json')
  if (!isAsked || !existsSync(folder) || !isBare(folder)) return undefined
  terminal.say('There is no application here. Write one to begin with?')
  return starterFor(
    await ask(`${templates.join(', ')} (in Rip; "hono ts" in TypeScript), or no [plain] `),
    folder,
  )
}

/**
 * The starter that an answer names.
 *
 * @throws CliError `USAGE`
 */
export function starterFor(answer: string | undefined, folder: string): Starter | undefined {
  const words = answer
    ?.toLowerCase()
    .split(/[\s,-]+/)
    .filter(Boolean) ?? ['no']
  if (['n', 'no', 'none'].includes(words[0] ?? '')) return undefined
  const known: readonly string[] = [...templates, ...languages, 'y', 'yes']
  const strange = words.find((word) => !known.includes(word))
  if (strange !== undefined) {
    const problem = `there is no starter "${strange}"${didYouMean(strange, known)}`
    throw new CliError('USAGE', { problems: [problem], help: 'rip-server init --help' })
  }
  return {
    template: templates.find((name) => words.includes(name)) ?? 'plain',
    language: languages.find((name) => words.includes(name)) ?? languageOf(folder),
  }
}

/** A line from the terminal; `undefined` when it is closed, by Ctrl-D. Ctrl-C ends the program, as everywhere. */
function ask(question: string): Promise<string | undefined> {
  const reader = createInterface({ input: process.stdin, output: process.stderr })
  const { promise, resolve: answered } = Promise.withResolvers<string | undefined>()
  reader.once('SIGINT', () => {
    // The terminal is as it was before the signal ends the program.
    reader.close()
    process.kill(process.pid, 'SIGINT')
  })
  reader.once('close', () => answered(undefined))
  reader.question(question, (answer) => {
    answered(answer)
    reader.close()
  })
  return promise
}
