import type { Node } from '../ast.ts'
import type { Parser } from './parser.ts'
import { ownsName } from './schema.ts'

const PRAGMA = /schema\.([A-Za-z_$][\w$]*)[ \t]*=(?![=>~!])[ \t]*([^\n#]*)/y
const KNOWN = 'defaultMaxString'

/** `schema.defaultMaxString = 100` on its own line: a setting for the schemas after it in the file. */
export function parseSchemaPragma(p: Parser): Node | undefined {
  const { lx, source } = p
  if (lx.value !== 'schema') return undefined
  const { start } = lx
  PRAGMA.lastIndex = start
  const match = PRAGMA.exec(source)
  if (!match || ownsName(p)) return undefined
  const [whole, key = '', value = ''] = match
  const end = start + whole.trimEnd().length
  const isTop = p.fnDepth === 0 && p.block === 0
  if (key !== KNOWN) {
    if (!isTop) return undefined
    lx.fail(`there is no setting schema.${key}`, start, end, `There is schema.${KNOWN}.`)
  }
  if (!isTop)
    lx.fail(`schema.${KNOWN} is set for a whole file`, start, end, 'Move it to the top level, unindented.')
  const digits = value.trim().replace(/;$/, '')
  if (!/^\d[\d_]*$/.test(digits))
    lx.fail(
      `schema.${KNOWN} is a whole number`,
      start,
      end,
      'Write the greatest length of a text, such as 500, or 0 for none.',
    )
  p.defaultMaxString = Number(digits.replaceAll('_', ''))
  lx.jump(start + whole.indexOf(digits, whole.indexOf('=')) + digits.length)
  return { type: 'Erased', start, end }
}
