import { isReserved } from '../../packages/rip-transpile/src/compiler/lexer.ts'
import type { Consumed } from './consumed-tokens.ts'
import type { Scoped } from './scopes.ts'

type Kind = 'word' | 'name' | 'number' | 'text' | 'comment' | 'operator' | 'code'

/** Words that the compiler reserves, but also accepts as names. */
const SOFT: ReadonlySet<string> = new Set([
  'by',
  'own',
  'as',
  'loop',
  'def',
  'enum',
  'type',
  'interface',
  'from',
  'schema',
  'default',
])

/**
 * Differences between the colours and the compiler, one line each: a keyword's colour on a name, a string's colour on
 * code, a pattern's colour on a division, and so on.
 */
export function wrongScopes(
  source: string,
  consumed: readonly Consumed[],
  scoped: readonly Scoped[],
): string[] {
  const wanted = wantedKinds(source, consumed)
  const wrong: string[] = []
  for (const { start, end, scopes } of scoped) {
    const shown = kindOf(scopes)
    for (let at = start; at < end; at++) {
      if (/\s/.test(source[at]!)) continue
      const kind = wanted[at]!
      if (agrees(kind, shown, source, at)) continue
      const line = source.slice(0, at).split('\n').length
      wrong.push(`${line}: ${JSON.stringify(source.slice(at, end))} is ${kind}, shown as ${scopes.at(-1)}`)
      break
    }
  }
  return wrong
}

/** The kind of each character for the compiler; text that it skipped is a comment. */
function wantedKinds(source: string, consumed: readonly Consumed[]): Kind[] {
  const kinds = Array.from({ length: source.length }, (): Kind => 'comment')
  const data = /^__DATA__[ \t]*$/m.exec(source)?.index ?? source.length
  kinds.fill('word', data, data + '__DATA__'.length)
  kinds.fill('text', data + '__DATA__'.length)
  for (const { kind, start, end } of consumed) {
    const first = source[start]!
    if (kind === 'raw') kinds.fill(rawKind(source, start), start, end)
    else kinds.fill(tokenKind(kind, first, source.slice(start, end)), start, end)
  }
  return kinds
}

/** The kind of text that the parser reads itself: strings, patterns and word lists; types and the like are code. */
function rawKind(source: string, start: number): Kind {
  const first = source[start]!
  if ('"\'`/'.includes(first) || source.startsWith('%w', start)) return 'text'
  // The rest of a string after an interpolation.
  return first === '}' ? 'text' : 'code'
}

function tokenKind(kind: string, first: string, text: string): Kind {
  if (kind === 'num') return 'number'
  if (!/[A-Za-z_$\u0080-\uffff]/.test(first) || text.endsWith('=')) return 'operator'
  return kind === 'id' && !SOFT.has(text) ? 'name' : 'word'
}

function kindOf(scopes: readonly string[]): Kind | 'symbol' | 'embedded' {
  const inner = scopes.at(-1)!
  if (inner.startsWith('punctuation.section.embedded')) return 'embedded'
  const from = scopes.findLastIndex((scope) => scope.startsWith('meta.embedded'))
  const near = scopes.slice(from + 1)
  if (near.some((scope) => scope.startsWith('comment'))) return 'comment'
  if (near.some((scope) => scope.startsWith('string'))) return 'text'
  if (inner.startsWith('constant.numeric')) return 'number'
  if (inner.startsWith('constant.other.symbol')) return 'symbol'
  if (/^(?:keyword\.operator\.rip|punctuation|storage\.type\.function\.arrow)/.test(inner)) return 'operator'
  if (inner.startsWith('keyword.other.directive')) return 'name'
  if (/^(?:keyword|storage|constant\.language|variable\.language)/.test(inner)) return 'word'
  return /^(?:variable|entity|support)/.test(inner) ? 'name' : 'code'
}

function agrees(kind: Kind, shown: ReturnType<typeof kindOf>, source: string, at: number): boolean {
  switch (kind) {
    case 'comment':
      return shown === 'comment'
    case 'text':
      // Strings in a pattern may have comments, and interpolations have brackets.
      return shown === 'text' || shown === 'embedded' || shown === 'comment'
    case 'number':
      return shown === 'number'
    case 'word':
      return shown === 'word' || (SOFT.has(wordAt(source, at)) && shown === 'name')
    case 'name':
      return shown === 'name' || shown === 'symbol' || (shown === 'word' && !isReserved(wordAt(source, at)))
    case 'operator':
      return ['operator', 'code', 'symbol', 'word', 'embedded', 'name'].includes(shown)
    default:
      // A type, which the compiler skips; it may contain strings and comments.
      return true
  }
}

function wordAt(source: string, at: number): string {
  const start = at - /[\w$]*$/.exec(source.slice(0, at))![0].length
  return /^[\w$]*/.exec(source.slice(start))![0]
}
