import type { ImportName, Node } from '../ast.ts'
import { rejectExportedInterface } from './diagnostics.ts'
import { parseString } from './literals.ts'
import { bindName, checkWritable } from './names.ts'
import type { Parser } from './parser.ts'
import { patternNames, requireNames } from './targets.ts'

/** Whether `import` starts a declaration, and not a call. */
export function isImportDeclaration(p: Parser): boolean {
  const rest = p.source.slice(p.lx.end, p.lx.end + 40)
  if (/^\s*[.(!]/.test(rest)) return false
  return isTop(p) || /^\s*(?:\{|\*|[\w$]+(?:\s*,|\s+from\b))/.test(rest)
}

function isTop(p: Parser): boolean {
  return p.fnDepth === 0 && p.block === 0
}

export function parseImport(p: Parser): Node {
  const { lx } = p
  if (!isTop(p))
    lx.fail('only the top of a module imports names', lx.start, lx.end, "Write x = import! 'module'.")
  const { start } = lx
  p.next()
  if (
    p.isWord('type') &&
    /^\s+[\w{*]/.test(p.source.slice(lx.end, lx.end + 4)) &&
    !/^\s+from\b/.test(p.source.slice(lx.end, lx.end + 8))
  ) {
    const text = p.source.slice(start, lx.endOfLine(lx.start)).trim()
    lx.jump(lx.endOfLine(lx.start))
    return { type: 'Erased', declares: { kind: 'import', text }, start, end: lx.lastEnd }
  }
  let base: ImportName | undefined
  let namespace: ImportName | undefined
  let names: ImportName[] | undefined
  if (!p.is('"') && !p.is("'")) {
    if (p.is('id')) {
      base = bindImport(p, 'default')
      p.accept(',')
    }
    if (p.accept('*')) {
      if (!p.isWord('as')) p.unexpected('expected as')
      p.next()
      namespace = bindImport(p, '*')
    } else if (p.is('{')) names = parseNames(p, true)
    if (!p.isWord('from')) p.unexpected('expected from')
    p.next()
  }
  const fromStart = lx.start
  const from = parseSpecifier(p)
  const attributes = p.accept('with') || (p.isWord('assert') && (p.next(), true)) ? p.expression() : undefined
  return {
    type: 'Import',
    base,
    namespace,
    names,
    from,
    fromStart,
    attributes,
    start,
    end: lx.lastEnd,
  }
}

function bindImport(p: Parser, imported: string): ImportName {
  const { value, start, kind } = p.lx
  if (kind !== 'id') p.lx.fail(`'${value}' is a reserved word and cannot name an import`)
  bindName(p, p.scope, value, start, 'import')
  p.next()
  return { imported, importedStart: start, local: value, localStart: start, isType: false }
}

function parseSpecifier(p: Parser): string {
  if (!p.is('"') && !p.is("'")) p.unexpected('expected the name of a module in quotes')
  const text = parseString(p)
  if (text.type !== 'Str') p.lx.fail('the name of a module is a plain string', text.start, text.end)
  p.dependencies.push(text.value)
  return text.value
}

function parseNames(p: Parser, binds: boolean): ImportName[] {
  const { lx } = p
  const names = p.bracketed(() => {
    const list: ImportName[] = []
    p.skipLayout()
    while (!p.is('}')) {
      if (!p.is('default') && !p.isWordLike()) p.unexpected('expected a name')
      let at = lx.start
      let first = lx.value
      lx.readAsName()
      p.next()
      const isType = first === 'type' && p.is('id') && !p.isWord('as')
      if (isType) {
        at = lx.start
        first = lx.value
        p.next()
      }
      let second = first
      let secondAt = at
      if (p.isWord('as')) {
        p.next()
        if (!p.isWordLike()) p.unexpected('expected the other name')
        second = lx.value
        secondAt = lx.start
        lx.readAsName()
        p.next()
      }
      const name = {
        imported: binds ? first : second,
        importedStart: binds ? at : secondAt,
        local: binds ? second : first,
        localStart: binds ? secondAt : at,
        isType,
      }
      list.push(name)
      if (isType) p.types.push(second)
      else if (binds) bindName(p, p.scope, second, secondAt, 'import')
      else p.scope.mention(first, at, 'read')
      p.skipLayout()
      if (p.accept(',')) p.skipLayout()
    }
    return list
  })
  p.next()
  return names
}

export function parseExport(p: Parser): Node {
  const { lx } = p
  const { start } = lx
  if (!isTop(p)) lx.fail('only the top of a module exports')
  p.next()
  if (p.accept('*')) {
    let as: string | undefined
    let asStart = lx.start
    if (p.isWord('as')) {
      p.next()
      if (!p.isWordLike()) p.unexpected('expected a name')
      asStart = lx.start
      as = lx.value
      p.next()
    }
    if (!p.isWord('from')) p.unexpected('expected from')
    p.next()
    if (as !== undefined) noteExport(p, as, start)
    const fromStart = lx.start
    return { type: 'ExportAll', as, asStart, from: parseSpecifier(p), fromStart, start, end: lx.lastEnd }
  }
  if (p.is('{')) {
    const names = parseNames(p, false)
    for (const { imported } of names) noteExport(p, imported, start)
    const hasFrom = p.isWord('from')
    if (!hasFrom) for (const { local, localStart } of names) checkWritable(p, local, localStart)
    if (hasFrom) p.next()
    const fromStart = lx.start
    const from = hasFrom ? parseSpecifier(p) : undefined
    return { type: 'ExportNames', names, from, fromStart, start, end: lx.lastEnd }
  }
  if (p.isWord('default')) {
    p.next()
    noteExport(p, 'default', start)
    const value = p.rightSide()
    return { type: 'ExportDefault', value, start, end: value.end }
  }
  rejectExportedInterface(p)
  const declaration = p.statement()
  if (declaration.type === 'Assign') requireNames(p, declaration.target)
  if (declaration.type === 'Assign' && declaration.target.type === 'Id') {
    const { name, start: declared } = declaration.target
    if (!declaration.isConst) bindName(p, p.scope, name, declared, 'export')
  } else if (!isExportable(declaration)) {
    lx.fail(
      'this cannot be exported',
      start,
      declaration.end,
      'Export a name: export x = 1, export def f, export class C, export { x }.',
    )
  }
  for (const name of declaredNames(declaration)) noteExport(p, name, start)
  return { type: 'Export', declaration, start, end: declaration.end }
}

function isExportable(node: Node): boolean {
  if (node.type === 'Fn' || node.type === 'Class' || node.type === 'Reactive') return node.name !== undefined
  return node.type === 'Enum' || node.type === 'Erased' || node.type === 'Assign'
}

function declaredNames(node: Node): string[] {
  switch (node.type) {
    case 'Assign':
      return patternNames(node.target).map((target) => target.name)
    case 'Reactive':
    case 'Enum':
      return node.name ? [node.name.name] : []
    case 'Class':
    case 'Fn':
      return node.name === undefined ? [] : [node.name]
    default:
      return []
  }
}

/** Refuses to export a name twice. */
function noteExport(p: Parser, name: string, start: number): void {
  if (p.exports.has(name)) p.lx.fail(`'${name}' is exported twice`, start, p.lx.lastEnd)
  p.exports.add(name)
}
