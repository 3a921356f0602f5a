import { basename, dirname, extname, resolve } from 'node:path'
import { Unacceptable } from './quantity.ts'

/** A module of the application, or a program of any kind, that works in the background. */
export type BackgroundSetting =
  | { readonly name: string; readonly file: string }
  | { readonly name: string; readonly command: readonly string[] }

/** As it is written: a file, which gives the name, or an object. A command in one text is run by the shell. */
export type WrittenBackground =
  | string
  | { readonly name?: string; readonly file: string }
  | { readonly name: string; readonly command: string | readonly string[] }

const EXPECTED = 'files such as jobs.ts, { name, file } or { name, command }, each under a name of its own'
const NAME = /^[A-Za-z][\w.-]{0,39}$/
/** Names that lines of logs have already. */
const TAKEN = /^(?:w\d+|balancer|standby)$/

/** @param text files, separated by commas, or a list as JSON. @throws Unacceptable */
export function backgroundPrograms(text: string): readonly BackgroundSetting[] {
  const programs = listIn(text).map((written) => program(written))
  const names = programs.map(({ name }) => name)
  const double = names.find((name, index) => names.indexOf(name) !== index)
  if (double !== undefined) throw new Unacceptable(`${EXPECTED} (${double} is there twice)`)
  return programs
}

/** The same with files relative to a folder. */
export function locatedBackground(
  programs: readonly BackgroundSetting[],
  folder: string,
): readonly BackgroundSetting[] {
  return programs.map((each) => ('file' in each ? { ...each, file: resolve(folder, each.file) } : each))
}

function listIn(text: string): readonly unknown[] {
  try {
    const value: unknown = JSON.parse(text)
    return Array.isArray(value) ? value : [value]
  } catch {
    return text.split(',').map((each) => each.trim())
  }
}

function program(written: unknown): BackgroundSetting {
  if (typeof written === 'string' && written !== '') return named(nameOf(written), { file: written })
  if (typeof written !== 'object' || written === null) throw new Unacceptable(EXPECTED)
  const { name, file, command, ...others } = written as Readonly<Record<string, unknown>>
  if (Object.keys(others).length > 0 || (file === undefined) === (command === undefined))
    throw new Unacceptable(EXPECTED)
  if (typeof file === 'string' && file !== '') return named(name ?? nameOf(file), { file })
  return named(name, { command: words(command) })
}

function named<T extends object>(name: unknown, rest: T): T & { readonly name: string } {
  if (typeof name !== 'string' || !NAME.test(name) || TAKEN.test(name))
    throw new Unacceptable(
      `${EXPECTED}: at most 40 letters, digits, dots, dashes or underscores, from a letter on, not balancer or w1`,
    )
  return { name, ...rest }
}

/** `mail` for `jobs/mail.ts`, `jobs` for `jobs/index.ts`. */
function nameOf(file: string): string {
  const name = basename(file, extname(file))
  return name === 'index' && dirname(file) !== '.' ? basename(dirname(file)) : name
}

function words(command: unknown): readonly string[] {
  if (typeof command === 'string' && command.trim() !== '') return ['/bin/sh', '-c', command]
  const isWords =
    Array.isArray(command) && command.length > 0 && command.every((word) => typeof word === 'string')
  if (!isWords || command[0] === '') throw new Unacceptable(EXPECTED)
  return command
}
