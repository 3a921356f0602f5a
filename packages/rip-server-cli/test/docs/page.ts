import { readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const ROOT: string = fileURLToPath(new URL('../../../../', import.meta.url))
export const DOCS: string = join(ROOT, 'docs')

/** One block of code of a page. */
export interface Block {
  readonly page: string
  /** Line of the fence, from 1. */
  readonly line: number
  /** First word behind the fence; empty for plain text. */
  readonly language: string
  /** The words behind it. */
  readonly info: string
  readonly text: string
  /** Why the block is not checked, from `<!-- not checked: WHY -->` above it. */
  readonly exempt: string | undefined
}

/** A page of the documentation, by its path in the repository. */
export interface Page {
  readonly path: string
  readonly text: string
  /** The text without blocks of code and comments, of the same number of lines. */
  readonly prose: string
  readonly blocks: readonly Block[]
}

/** Pages with users of the whole server as their readers. The READMEs of the other packages have tests of their own. */
const READMES = ['README.md', 'packages/rip-server-cli/README.md']

export function readPages(): readonly Page[] {
  const pages = readdirSync(DOCS).filter((name) => name.endsWith('.md'))
  return [...READMES, ...pages.toSorted().map((name) => `docs/${name}`)].map(readPage)
}

export function readPage(path: string): Page {
  const text = readFileSync(join(ROOT, path), 'utf8')
  const blocks: Block[] = []
  const prose: string[] = []
  let open: { line: number; indent: string; info: string; lines: string[] } | undefined
  let exempt: string | undefined
  for (const [at, line] of text.split('\n').entries()) {
    const [, indent = '', info = ''] = /^( *)```(.*)$/.exec(line) ?? []
    const isFence = /^ *```/.test(line)
    prose.push(isFence || open !== undefined ? '' : line)
    if (open === undefined) {
      if (isFence) open = { line: at + 1, indent, info, lines: [] }
      else if (line.trim() !== '') exempt = /^<!-- not checked: (.+) -->$/.exec(line)?.[1]
      continue
    }
    if (!isFence) {
      open.lines.push(line.startsWith(open.indent) ? line.slice(open.indent.length) : line)
      continue
    }
    const [language = ''] = open.info.split(' ')
    const content = open.lines.map((each) => `${each}\n`).join('')
    blocks.push({ page: path, line: open.line, language, info: open.info, text: content, exempt })
    open = exempt = undefined
  }
  return { path, text, prose: prose.join('\n').replace(/<!--[^]*?-->/g, blank), blocks }
}

const blank = (text: string): string => text.replace(/[^\n]/g, '')

/** What a link to a heading of the page ends with. */
export function anchorsOf({ prose }: Page): readonly string[] {
  const headings = [...prose.matchAll(/^#+ (.*)$/gm)].map(([, title = '']) => slug(title))
  const seen = new Map<string, number>()
  return headings.map((heading) => {
    const count = seen.get(heading) ?? 0
    seen.set(heading, count + 1)
    return count === 0 ? heading : `${heading}-${count}`
  })
}

/** As GitHub makes them. */
function slug(title: string): string {
  const plain = title.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').replace(/`/g, '')
  return plain
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-')
}

/** Targets of its links that lead into the repository. */
export function linksOf({ prose }: Page): readonly string[] {
  const targets = [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target)
  return targets.filter((target) => !/^[a-z]+:/.test(target))
}

/** Words in backticks that begin with one of our programs. */
export function inlineCommands({ prose }: Page): readonly string[] {
  const spans = [...prose.matchAll(/(?<!`)`([^`\n]+)`(?!`)/g)].map(([, span = '']) => span)
  return spans.filter((span) => /^rip-(?:server|balancer) /.test(span))
}

/** Name of the page for the title of a test. */
export const titleOf = ({ page, line }: Block): string => `${basename(page)}:${line}`
