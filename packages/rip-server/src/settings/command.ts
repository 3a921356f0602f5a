import { Unacceptable } from './quantity.ts'

/** The start command of an application: words of a shell, or a program with its arguments. */
export type Command = string | readonly string[]

/** Reads a command from text: an array of JSON is a program with its arguments. @throws Unacceptable */
export function parseCommand(text: string): Command {
  const words = wordsOf(text)
  if (words === undefined ? text.trim() === '' : words.length === 0 || words[0] === '')
    throw new Unacceptable('a command such as "npm start", or a list of its words')
  return words ?? text
}

/** The command as the user wrote it, or would have to write it in a shell. */
export function commandText(command: Command): string {
  return typeof command === 'string' ? command : command.map(quoted).join(' ')
}

/** What is executed. */
export function commandArgv(command: Command): readonly [string, ...string[]] {
  if (typeof command === 'string') return ['sh', '-c', command]
  const [program = '', ...args] = command
  return [program, ...args]
}

/** Undefined for anything but a list of texts: a command of a shell may begin with a bracket, too. */
function wordsOf(text: string): readonly string[] | undefined {
  if (!text.startsWith('[')) return undefined
  try {
    const value: unknown = JSON.parse(text)
    return Array.isArray(value) && value.every((each) => typeof each === 'string') ? value : undefined
  } catch {
    return undefined
  }
}

function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`
}
