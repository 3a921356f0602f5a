import hljs from 'highlight.js/lib/core'
import rip from '../highlight.js/rip.js'
import type { Scoped } from './scopes.ts'

hljs.registerLanguage('rip', rip)

/** TextMate scopes for the classes of highlight.js. */
const SCOPES: readonly (readonly [RegExp, string])[] = [
  [/^hljs-keyword/, 'keyword.control'],
  [/^hljs-meta/, 'keyword.other.directive'],
  [/^hljs-(?:literal|variable)/, 'constant.language'],
  [/^hljs-(?:string|regexp|char)/, 'string'],
  [/^hljs-comment/, 'comment'],
  [/^hljs-number/, 'constant.numeric'],
  [/^hljs-symbol/, 'constant.other.symbol'],
  [/^hljs-subst/, 'meta.embedded'],
  [/^hljs-/, 'variable'],
]

/** The colours that highlight.js gives to a program, as TextMate scopes. */
export function highlightedScopes(source: string): Scoped[] {
  const html = hljs.highlight(source, { language: 'rip' }).value
  const found: Scoped[] = []
  const stack: string[] = []
  let at = 0
  for (const { 1: name, 2: close, index } of html.matchAll(PIECES)) {
    if (name !== undefined) stack.push(SCOPES.find(([pattern]) => pattern.test(name))![1])
    else if (close) stack.pop()
    else {
      const scopes = ['source.rip', ...stack]
      // Text without a class is a name or an operator.
      if (stack.length === 0 || stack.at(-1) === 'meta.embedded') scopes.push(plainScope(source, at))
      if (stack.at(-1) === 'meta.embedded' && isBrace(source, at, html, index))
        scopes.push('punctuation.section.embedded')
      found.push({ start: at, end: at + 1, scopes })
      at++
    }
  }
  return found
}

const PIECES = /<span class="([^"]*)">|(<\/span>)|&\w+;|&#\w+;|[^<&]/g

function plainScope(source: string, at: number): string {
  return /[\w$]/.test(source[at]!) ? 'variable' : 'keyword.operator.rip'
}

/** Whether a character belongs to the brackets of an interpolation in a text. */
function isBrace(source: string, at: number, html: string, index: number): boolean {
  if (/^[#$]\{/.test(source.slice(at, at + 2)) || /^[#$]\{/.test(source.slice(at - 1, at + 1))) return true
  return source[at] === '}' && html.startsWith('</span>', index + 1)
}
