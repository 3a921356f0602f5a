import { existsSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { ipVersion } from '@rip/balancer/supervisor'
import { didYouMean } from '@rip/balancer/text'
import { type GivenFlag, settingNames, settingSpecs } from '@rip/server/settings'
import { CliError } from '../errors.ts'
import { type Command, commandNamed, commands, DEFAULT_COMMAND } from './commands.ts'
import { foreignFile, ourOptionFor, ourWordsFor, takesForeignValue } from './foreign-words.ts'
import { COMMON_FLAGS, LAN_FLAG, options } from './options.ts'

export interface CommandLine {
  readonly command: Command
  /** Whether the command was given, as opposed to implied. */
  readonly named: boolean
  readonly words: readonly string[]
  /** By long name. */
  readonly flags: ReadonlyMap<string, GivenFlag>
}

/**
 * Reads the arguments of `rip-server`.
 *
 * @param exists whether there is such a file or folder: then a word like a command names an application
 * @throws CliError `USAGE` with every problem at once
 */
export function parseCommandLine(
  args: readonly string[],
  exists: (path: string) => boolean = existsSync,
): CommandLine {
  const first = commandNamed(args[0] ?? '')
  if (first?.handsOn) return { command: first, named: true, words: args.slice(1), flags: new Map() }
  return new Reading(args, exists).result()
}

/**
 * Reads the words that `rip-server` itself understands, of a command that hands on the others.
 *
 * @throws CliError `USAGE`
 */
export function readOwnWords(name: string, words: readonly string[]): CommandLine {
  return new Reading(words, existsSync, { ...commandNamed(name)!, maxWords: 1 }).result()
}

/** The error for a word in the place of a command; `what` says what the word is instead. */
export function notACommand(word: string, what: string): CliError {
  const ours = ourWordsFor(word)
  const advice = ours === undefined ? didYouMean(word, commandNames) : `; ${ours}`
  const problem = `"${word}" ${what}${advice}`
  return new CliError('USAGE', { problems: [problem], help: 'rip-server --help' })
}

const commandNames: readonly string[] = commands.map(({ name }) => name)

const compactSettings: ReadonlyMap<string, string> = new Map(
  settingNames.flatMap((name) => {
    const { compact, flag } = settingSpecs[name]
    return compact === undefined ? [] : [[compact, flag] as const]
  }),
)

/** What comes after it is not ours. */
const COMMAND_FOLLOWS = '--'
const COMMAND_FLAG = settingSpecs.command.flag
const ALL_ADDRESSES = '0.0.0.0'

/** One pass over the arguments that collects problems instead of stopping at the first. */
class Reading {
  readonly #flags = new Map<string, GivenFlag>()
  readonly #problems: string[] = []
  readonly #command: Command
  #named = false
  #isForLan = false
  #words: string[] = []

  /** @param command the command, if it is known already */
  constructor(args: readonly string[], exists: (path: string) => boolean, command?: Command) {
    const end = args.indexOf(COMMAND_FOLLOWS)
    const ours = end === -1 ? args : args.slice(0, end)
    const { tokens } = parseArgs({
      args: [...ours],
      options: parseArgsOptions(),
      strict: false,
      allowPositionals: true,
      tokens: true,
    })
    const signed = new Set<number>()
    const given: { option: string; written: string; value: string | undefined }[] = []
    let foreignValueAt: number | undefined
    for (const token of tokens) {
      if (token.kind === 'positional' && token.index !== foreignValueAt) this.#words.push(token.value)
      if (token.kind !== 'option') continue
      const argument = ours[token.index] ?? ''
      // `scale -1`: a signed number is a word, not a bundle of short flags.
      if (/^-\d+$/.test(argument)) {
        if (!signed.has(token.index)) this.#words.push(argument)
        signed.add(token.index)
        continue
      }
      given.push({ option: token.name, written: token.rawName, value: token.value })
      const isForeign = !options.has(token.name) && takesForeignValue(token.rawName)
      if (isForeign && token.value === undefined) foreignValueAt = token.index + 1
    }
    this.#command = command ?? this.#takeCommand(exists)
    for (const { option, written, value } of given) this.#takeFlag(option, written, value)
    if (end !== -1) this.#takeStartCommand(args.slice(end + 1))
    if (this.#isForLan) this.#takeHost()
    this.#words = this.#words.filter((word) => !this.#takeCount(word))
    if (this.#command.compact) this.#words = this.#words.filter((word) => !this.#takeCompact(word))
    if (!this.#flags.has('help') && !this.#flags.has('version')) this.#checkWords()
  }

  result(): CommandLine {
    const help = `rip-server ${this.#command.name} --help`
    if (this.#problems.length > 0) throw new CliError('USAGE', { problems: this.#problems, help })
    return { command: this.#command, named: this.#named, words: this.#words, flags: this.#flags }
  }

  #takeCommand(exists: (path: string) => boolean): Command {
    const at = this.#words.findIndex((word) => !isCompact(word))
    const word = this.#words[at] ?? ''
    const named = commandNamed(word)
    // Other problems would depend on the command that was meant.
    if (named === undefined && isBareWord(word) && !exists(word))
      throw notACommand(word, 'is not a command, file or folder')
    if (named === undefined) return commandNamed(DEFAULT_COMMAND)!
    this.#words.splice(at, 1)
    this.#named = true
    return named
  }

  /** The words after `--` are the start command of the application. */
  #takeStartCommand(words: readonly string[]): void {
    if (!this.#command.flags.includes(COMMAND_FLAG))
      return void this.#problems.push(`-- does not apply to "${this.#command.name}"`)
    if (words.length === 0)
      return void this.#problems.push('-- needs a command after it, such as -- npm start')
    this.#set(COMMAND_FLAG, JSON.stringify(words), `-- ${words.join(' ')}`)
  }

  #takeFlag(name: string, written: string, value: string | undefined): void {
    const option = options.get(name)
    const allowed = [...this.#command.flags, ...COMMON_FLAGS]
    const ours = ourOptionFor(this.#command.name, written)
    if (option === undefined) {
      const known = allowed.map((flag) => `--${flag}`)
      const hint = ours === undefined ? didYouMean(written, known) : `; ${ours}`
      this.#problems.push(`unknown option ${written}${hint}`)
      return
    }
    if (!allowed.includes(name)) {
      const hint = ours === undefined ? '' : `; ${ours}`
      this.#problems.push(`${written} does not apply to "${this.#command.name}"${hint}`)
      return
    }
    if (option.value === undefined) {
      if (value === undefined && name === LAN_FLAG) this.#isForLan = true
      else if (value === undefined) this.#set(name, 'true', written)
      else this.#problems.push(`${written} is a switch and takes no value, got "${value}"`)
      return
    }
    if (value === undefined || value.startsWith('--')) {
      this.#problems.push(`${written} needs a value: ${option.value}`)
      return
    }
    this.#set(name, value, `${written} ${value}`)
  }

  /** `--host` is `--bind` to all addresses, or to the one behind it, as other programs take it. */
  #takeHost(): void {
    const at = this.#words.findIndex((word) => ipVersion(word) !== 0)
    const [address] = at === -1 ? [] : this.#words.splice(at, 1)
    const written = address === undefined ? `--${LAN_FLAG}` : `--${LAN_FLAG} ${address}`
    this.#set(settingSpecs.bind.flag, address ?? ALL_ADDRESSES, written)
  }

  /** Whether the word was a count, such as `-200`, for a command that takes one. */
  #takeCount(word: string): boolean {
    const { countFlag } = this.#command
    if (countFlag === undefined || !/^-\d+$/.test(word)) return false
    this.#set(countFlag, word.slice(1), word)
    return true
  }

  /** Whether the word was a compact setting or a bare port. */
  #takeCompact(word: string): boolean {
    if (/^\d+$/.test(word)) {
      this.#set('port', word, word)
      return true
    }
    const match = /^([A-Za-z]+):(?!\/)(.*)$/.exec(word)
    if (match === null) return false
    const flag = compactSettings.get(match[1]!)
    if (flag !== undefined) this.#set(flag, match[2]!, word)
    else
      this.#problems.push(
        `unknown word ${word}; compact settings are ${[...compactSettings.keys()].join(': ')}:`,
      )
    return true
  }

  #set(name: string, value: string, written: string): void {
    const before = this.#flags.get(name)
    if (before !== undefined && options.get(name)?.repeatable === true) {
      const both = { value: `${before.value},${value}`, written: `${before.written} ${written}` }
      return void this.#flags.set(name, both)
    }
    if (before !== undefined)
      this.#problems.push(`${before.written} and ${written} set the same value; keep one`)
    this.#flags.set(name, { value, written })
  }

  #checkWords(): void {
    const { name, usage, maxWords, minWords = 0 } = this.#command
    if (this.#words.length < minWords) this.#problems.push(`"${name}" needs ${usage.split(' ')[0]}`)
    for (const word of this.#words) {
      const foreign = this.#command.compact === true ? foreignFile(word) : undefined
      if (foreign !== undefined) this.#problems.push(`${word} ${foreign}`)
    }
    for (const word of this.#words.slice(maxWords)) {
      this.#problems.push(`unexpected word "${word}" for "${name}"${didYouMean(word, commandNames)}`)
    }
  }
}

/** As opposed to a path. */
function isBareWord(word: string): boolean {
  return /^[A-Za-z][\w-]*$/.test(word)
}

function isCompact(word: string): boolean {
  return /^\d+$/.test(word) || /^[A-Za-z]+:(?!\/)/.test(word)
}

function parseArgsOptions(): Record<string, { type: 'string' | 'boolean'; short?: string }> {
  const entries = [...options.values()].map((option) => {
    const type = option.value === undefined ? ('boolean' as const) : ('string' as const)
    return [option.flag, option.short === undefined ? { type } : { type, short: option.short }] as const
  })
  return Object.fromEntries(entries)
}
