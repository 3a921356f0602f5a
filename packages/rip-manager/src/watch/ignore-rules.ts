interface Rule {
  readonly negated: boolean
  readonly directoriesOnly: boolean
  readonly pattern: RegExp
}

/** An ordered list of patterns in the notation of gitignore(5), for paths relative to one folder. */
export type IgnoreRules = readonly Rule[]

export function parseIgnoreRules(lines: readonly string[]): IgnoreRules {
  return lines.map(parseRule).filter((rule) => rule !== undefined)
}

/** What the last matching rule says; `undefined` when none matches. */
export function judge(
  rules: IgnoreRules,
  path: string,
  isDirectory: boolean,
): 'ignored' | 'kept' | undefined {
  const rule = rules.findLast(
    (candidate) => (isDirectory || !candidate.directoriesOnly) && candidate.pattern.test(path),
  )
  if (rule === undefined) return undefined
  return rule.negated ? 'kept' : 'ignored'
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
  return {
    negated,
    directoriesOnly,
    pattern: new RegExp(`${prefix}${translate(glob.replace(/^\//, ''))}$`, 's'),
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
