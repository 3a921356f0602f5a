import { typeText, withoutComments } from './type-text.ts'

const TYPE_HEAD = /^(type[ \t]+[\w$]+[ \t]*(?:<.*>)?)[ \t]*=(?!>)(.*)$/
const MEMBER =
  /^((?:readonly[ \t]+)?(?:[A-Za-z_$][\w$]*|"[^"]*"|'[^']*'|\d+|\[[^\]]*\])[?]?)[ \t]*:[ \t]*(.*)$/
const METHOD = /^(?:new[ \t]*)?(?:[A-Za-z_$][\w$]*\??)?(?:<[^>]*>)?\([^]*\)[ \t]*:/

/** Converts a `type` or `interface` of Rip, whose members may be an indented block, to TypeScript. */
export function typeDeclaration(source: string): string {
  const [head = '', ...block] = withoutComments(source)
    .split(/\r?\n/)
    .filter((line) => line.trim() !== '')
  if (head.startsWith('interface')) return `${head.trim().replace(/\s*\{\s*\}$/, '')} ${interfaceBody(block)}`
  const [, name = head, value = ''] = TYPE_HEAD.exec(head) ?? []
  const type = aliasValue(value.trim(), block)
  return `${name.trim()} =${type.startsWith('\n') ? '' : ' '}${type};`
}

/** Name that a declaration gives to its type. */
export function declaredType(source: string): string {
  return /^(?:type|interface)[ \t]+([\w$]+)/.exec(source)?.[1] ?? ''
}

function interfaceBody(block: readonly string[]): string {
  const inner = block.filter((line) => !/^[{}]$/.test(line.trim()))
  return membersOf(inner, '')
}

function aliasValue(value: string, block: readonly string[]): string {
  if (value === '' || value === 'type') return blockType(block, '')
  return typeText([value, ...block].join('\n'))
}

/** An indented block as a type: members, a union of lines, or one type. */
function blockType(block: readonly string[], indent: string): string {
  const [first = ''] = block.map((line) => line.trim())
  if (/^[|&]/.test(first)) return block.map((line) => `\n${indent}  ${line.trim()}`).join('')
  if (MEMBER.test(first) || METHOD.test(first)) return membersOf(block, indent)
  return typeText(block.join('\n'))
}

function membersOf(block: readonly string[], indent: string): string {
  if (block.length === 0) return '{}'
  const members = itemsOf(block).map((item) => `${indent}  ${member(item, `${indent}  `)};\n`)
  return `{\n${members.join('')}${indent}}`
}

/** A member with the lines below it that are indented deeper, or that close its brackets. */
function itemsOf(block: readonly string[]): string[][] {
  const items: string[][] = []
  const level = indentOf(block[0] ?? '')
  for (const line of block) {
    const last = items.at(-1)
    if (last && (indentOf(line) > level || /^\s*[}\])]/.test(line))) last.push(line)
    else items.push([line])
  }
  return items
}

function indentOf(line: string): number {
  return line.length - line.trimStart().length
}

function member([line = '', ...block]: readonly string[], indent: string): string {
  const text = line.trim().replace(/[,;]$/, '')
  const [, key, value = ''] = MEMBER.exec(text) ?? []
  if (key === undefined) return [text, ...block].join('\n')
  if (block.length > 0 && (value === '' || value === 'type')) return `${key}: ${blockType(block, indent)}`
  return `${key}: ${typeText([value, ...block].join('\n').replace(/[,;]$/, ''))}`
}
