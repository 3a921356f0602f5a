/** One command of a shell, as words, without what is redirected or assigned. */
export type Words = readonly string[]

/** Ends a command; `$(…)` and the like stay within a word. */
const OPERATOR = /^(?:\|\|?|&&?|;|\(|\))/
const REDIRECTION = /^\d?(?:>>?|<)(?:&\d)?/

/**
 * The commands in a text for a POSIX shell, as far as documents need it: quotes, comments, continued lines, pipes, lists,
 * redirections. Nothing is expanded.
 */
export function shellCommands(text: string): readonly Words[] {
  const commands: string[][] = [[]]
  let rest = text.replaceAll('\\\n', ' ')
  let word: string | undefined
  let isTarget = false
  const endWord = (): void => {
    if (word !== undefined && !isTarget) commands.at(-1)!.push(word)
    if (word !== undefined) isTarget = false
    word = undefined
  }
  while (rest !== '') {
    const take = (length: number): string => {
      const taken = rest.slice(0, length)
      rest = rest.slice(length)
      return taken
    }
    const [quoted] = /^(?:'[^']*'|"(?:\\.|[^"\\])*")/s.exec(rest) ?? []
    const [substitution] = /^\$\([^)]*\)/.exec(rest) ?? []
    const [redirection] = REDIRECTION.exec(rest) ?? []
    const [operator] = OPERATOR.exec(rest) ?? []
    if (quoted !== undefined) word = (word ?? '') + take(quoted.length).slice(1, -1)
    else if (substitution !== undefined) word = (word ?? '') + take(substitution.length)
    else if (word === undefined && rest.startsWith('#')) take(/^.*/.exec(rest)![0].length)
    else if (word === undefined && redirection !== undefined)
      isTarget = !take(redirection.length).includes('&')
    else if (operator !== undefined || rest.startsWith('\n')) {
      take(operator?.length ?? 1)
      endWord()
      commands.push([])
    } else if (/^\s/.test(rest)) {
      take(1)
      endWord()
    } else word = (word ?? '') + (rest.startsWith('\\') ? take(2).slice(1) : take(1))
  }
  endWord()
  return commands.filter((words) => words.length > 0)
}

/** What is typed in a transcript: lines behind the prompt of a user or of root, and their continuations. */
export function typedIn(transcript: string): string {
  const lines = transcript.split('\n')
  return lines
    .filter((line, at) => /^[$#] /.test(line) || (at > 0 && isContinued(lines, at)))
    .map((line) => line.replace(/^[$#] /, ''))
    .join('\n')
}

function isContinued(lines: readonly string[], at: number): boolean {
  const before = lines[at - 1]!
  return before.endsWith('\\') && (/^[$#] /.test(before) || (at > 1 && isContinued(lines, at - 1)))
}
