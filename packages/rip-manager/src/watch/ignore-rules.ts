interface Rule {
  /** As it was written. */
  readonly text: string
  readonly negated: boolean
  readonly directoriesOnly: boolean
  readonly pattern: RegExp
}

/** An ordered list of patterns in the notation of gitignore(5), for paths relative to one folder. */
export interface IgnoreRules {
  readonly rules: readonly Rule[]
  /** Matches what any of the rules matches: most paths are judged by this one test. */
  readonly any: RegExp
}

export function parseIgnoreRules(lines: readonly string[]): IgnoreRules {
  const rules = lines.map(parseRule).filter((rule) => rule !== undefined)
  // Without a rule there is nothing to match, not even the empty path.
  const any = rules.map(({ pattern }) => pattern.source).join('|') || '(?!)'
  return { rules, any: new RegExp(any, 's') }
}

/** What the last matching rule says; `undefined` when none matches. */
export function judge(
  rules: IgnoreRules,
  path: string,
  isDirectory: boolean,
): 'ignored' | 'kept' | undefined {
  const rule = decidingRule(rules, path, isDirectory)
  if (rule === undefined) return undefined
  return rule.negated ? 'kept' : 'ignored'
}

/** The last rule that matches. */
export function decidingRule(
  { rules, any }: IgnoreRules,
  path: string,
  isDirectory: boolean,
): Rule | undefined {
  if (!any.test(path)) return undefined
  return rules.findLast(
    ({ directoriesOnly, pattern }) => (isDirectory || !directoriesOnly) && pattern.test(path),
  )
}

function parseRule(line: string): Rule | undefined {
  const text = line.replace(/(?<!\\)\s+$/, '')
  if (text === '' || text.startsWith('#')) return undefined
  const negated = text.startsWith('!')
  const body = negated ? text.slice(1) : text
  const directoriesOnly = body.endsWith('/')
  const glob = directoriesOnly ? body.slice(0, -1) : body
  if (glob === '') return undefined
  // A slash at the start or in the middle ties the pattern to the folder it stands in.
  const prefix = glob.includes('/') ? '^' : '^(?:.*/)?'
  const pattern = compile(`${prefix}${translate(glob.replace(/^\//, ''))}$`)
  return pattern && { text, negated, directoriesOnly, pattern }
}

function compile(source: string): RegExp | undefined {
  try {
    return new RegExp(source, 's')
  } catch {
    // A range such as [z-a] matches nothing in git either.
    return undefined
  }
}

const tokens = /^\*\*\/|\/\*\*\/|\/\*\*$|\*+|\?|\[(?:!|\^)?\]?[^\]/]*\]|\\.|[^*?\\]/gs

function translate(glob: string): string {
  return glob.replace(tokens, (token) => {
    if (token === '**/') return '(?:.*/)?'
    if (token === '/**/') return '/(?:.*/)?'
    if (token === '/**') return '/.*'
    if (token.startsWith('*')) return '[^/]*'
    if (token === '?') return '[^/]'
    if (token.length > 2 && token.startsWith('[')) return translateClass(token)
    return RegExp.escape(token.startsWith('\\') ? token.slice(1) : token)
  })
}

function translateClass(token: string): string {
  const negated = token[1] === '!' || token[1] === '^'
  const members = token.slice(negated ? 2 : 1, -1).replaceAll(/[\\\]^&[]/g, '\\$&')
  return `[${negated ? '^' : ''}${members}]`
}
