import { type Command, commands } from '../commands.ts'
import { type Option, options } from '../options.ts'
import { shownFlags } from '../help.ts'

/**
 * What a shell offers: fixed words, or what it finds itself. `instances` are the names of running ones, `none` what only the
 * operator knows.
 */
export type Candidates = readonly string[] | 'files' | 'folders' | 'instances' | 'users' | 'none'

/** Shells that there is a script for. */
export const SHELLS = ['bash', 'zsh', 'fish'] as const

export type Shell = (typeof SHELLS)[number]

/** A flag that help shows for a command. */
export interface Flag extends Option {
  /** What may follow it; absent for a switch. */
  readonly candidates?: Candidates
}

export function flagsOf(command: Command): readonly Flag[] {
  return shownFlags(command).map((flag) => {
    const option = options.get(flag)!
    return option.value === undefined ? option : { ...option, candidates: valuesOf(option) }
  })
}

/** Every flag of some command, once. */
export function allFlags(): readonly Flag[] {
  return [...new Map(commands.flatMap(flagsOf).map((flag) => [flag.flag, flag])).values()]
}

/** What may follow a command, as its usage says. */
export function wordsOf({ name, usage, flags }: Command): readonly Candidates[] {
  if (name === 'help') return [commands.map((each) => each.name)]
  if (name === 'completion') return [SHELLS]
  if (/\b(?:FILE|FOLDER)\b/.test(usage)) return ['files']
  if (/\bfolder\b/.test(usage)) return ['folders']
  if (!/\bapp\b/.test(usage)) return []
  const finds = flags.includes('name') && !flags.includes('config')
  return finds ? ['instances', 'folders'] : ['files']
}

function valuesOf({ flag, value = '', choices }: Option): Candidates {
  if (choices !== undefined) return choices
  if (/^(?:FILE|PATH)$/.test(value) && flag !== 'health') return flag === 'run-dir' ? 'folders' : 'files'
  if (/^(?:DIR|FOLDER)$/.test(value)) return 'folders'
  if (flag === 'name') return 'instances'
  return value === 'NAME[:GROUP]' ? 'users' : 'none'
}
