import type { Node } from '../ast.ts'
import { rejectInterfaceLanguage } from './diagnostics.ts'
import { bindName } from './names.ts'
import { parseKey } from './objects.ts'
import type { Parser } from './parser.ts'
import { keepType } from './types.ts'

const TYPE = /(?:type[ \t]+[A-Za-z_$][\w$]*[ \t]*(?:<[^\n]*>)?[ \t]*=|interface[ \t]+[A-Za-z_$][\w$]*)/y
const ENUM = /enum[ \t]+[A-Za-z_$][\w$]*[ \t]*(?:#[^\n]*)?\r?\n/y

/** `type`, `interface` and `enum`; elsewhere these words are plain names. */
export function parseTypeDeclaration(p: Parser): Node | undefined {
  const { lx } = p
  const { start, value } = lx
  rejectInterfaceLanguage(p)
  if (value === 'enum') {
    ENUM.lastIndex = start
    return ENUM.test(p.source) ? parseEnum(p) : undefined
  }
  if (value !== 'type' && value !== 'interface') return undefined
  TYPE.lastIndex = start
  if (!TYPE.test(p.source)) return undefined
  const end = declarationEnd(p, start)
  rejectPrototype(p, start, end)
  const text = keepType(p, start, end)
  lx.readAsName()
  lx.jump(end)
  return { type: 'Erased', declares: { kind: 'type', text }, start, end }
}

function rejectPrototype(p: Parser, start: number, end: number): void {
  const at = p.source
    .slice(start, end)
    .replace(/"[^"\n]*"|'[^'\n]*'|#.*/g, (text) => ' '.repeat(text.length))
    .indexOf('::')
  if (at !== -1)
    p.lx.fail(
      '`::` is the prototype, not a type',
      start + at,
      start + at + 2,
      "Write a type behind a single ':'.",
    )
}

/** A declaration includes all following lines that are indented deeper than its first, and open brackets. */
function declarationEnd(p: Parser, start: number): number {
  const { source, lx } = p
  const lineStart = source.lastIndexOf('\n', start - 1) + 1
  const indent = /^[ \t]*/.exec(source.slice(lineStart, start))![0].length
  let end = lx.endOfLine(start)
  for (;;) {
    let next = end + 1
    while (next < lx.limit && /^[ \t]*\r?$/.test(source.slice(next, lx.endOfLine(next))))
      next = lx.endOfLine(next) + 1
    if (next >= lx.limit) return end
    const width = /^[ \t]*/.exec(source.slice(next, next + 200))![0].length
    const closes = /^[ \t]*[}\])]/.test(source.slice(next, next + 200))
    if (width <= indent && !closes) return end
    end = lx.endOfLine(next)
  }
}

function parseEnum(p: Parser): Node {
  const { lx } = p
  const { start } = lx
  p.next()
  const name = { type: 'Id', name: lx.value, start: lx.start, end: lx.end } as const
  bindName(p, p.scope.function(), name.name, name.start, 'enum')
  p.next()
  if (!p.is('INDENT')) p.unexpected('expected the members of the enum')
  p.next()
  const members: { key: string; keyStart: number; value: Node }[] = []
  let auto: number | undefined = 0
  while (!p.is('DEDENT') && !p.is('EOF')) {
    const at = lx.start
    const { key } = parseKey(p)
    const named = key.type === 'Id' ? key.name : key.type === 'Str' ? key.value : p.unexpected()
    const { end } = key
    const value: Node = p.accept('=')
      ? p.expression()
      : { type: 'Num', raw: numbered(p, auto, key), start: at, end }
    auto = nextNumber(value)
    members.push({ key: named, keyStart: at, value })
    p.accept(',')
    p.skipNewlines()
  }
  p.accept('DEDENT')
  return { type: 'Enum', name, members, start, end: lx.lastEnd }
}

/** The number of an enum member without a value: one more than the previous. */
function numbered(p: Parser, next: number | undefined, { start, end }: Node): string {
  if (next === undefined)
    p.lx.fail(
      'behind a value that is no number, a member needs one of its own',
      start,
      end,
      'Write `name = value`.',
    )
  return String(next)
}

function nextNumber(value: Node): number | undefined {
  if (value.type === 'Num') return Number(value.raw.replaceAll('_', '')) + 1
  if (value.type === 'Unary' && value.op === '-' && value.arg.type === 'Num')
    return 1 - Number(value.arg.raw.replaceAll('_', ''))
  return undefined
}
