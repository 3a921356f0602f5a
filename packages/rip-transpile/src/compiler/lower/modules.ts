import type { ImportName, NodeOf } from '../ast.ts'
import { isTypeImport } from '../type-imports.ts'
import { lowerClass } from './classes.ts'
import { functionDeclaration } from './functions.ts'
import { declare, id, str } from './js.ts'
import type { ImportAttribute, ImportSpecifier, Js } from './estree.ts'
import { DISCARD } from './lowerer.ts'
import type { Lowerer } from './lowerer.ts'
import { pattern } from './patterns.ts'

/** Lowers an import; emits nothing if all its names are types. */
export function lowerImport(l: Lowerer, node: NodeOf<'Import'>): Js[] {
  const { base, namespace, names } = node
  const specifiers: ImportSpecifier[] = []
  if (isTypeImport(node)) return []
  if (base && !base.isType)
    specifiers.push({ type: 'ImportDefaultSpecifier', local: id(base.local, base.localStart) })
  if (namespace && !namespace.isType)
    specifiers.push({ type: 'ImportNamespaceSpecifier', local: id(namespace.local, namespace.localStart) })
  for (const { imported, importedStart, local, localStart, isType } of names ?? []) {
    if (isType) continue
    specifiers.push({
      type: 'ImportSpecifier',
      imported: id(imported, importedStart),
      local: id(local, localStart),
    })
  }
  const attributes =
    node.attributes?.type === 'Obj'
      ? node.attributes.props.map((prop): ImportAttribute => ({
          type: 'ImportAttribute',
          key: id(prop.key.type === 'Id' ? prop.key.name : '', prop.key.start),
          value: l.expression(prop.value),
        }))
      : []
  return [
    {
      type: 'ImportDeclaration',
      specifiers,
      source: str(node.from, node.fromStart),
      attributes,
      at: node.start,
    },
  ]
}

type ExportNode = NodeOf<'ExportNames'> | NodeOf<'ExportAll'> | NodeOf<'ExportDefault'> | NodeOf<'Export'>

export function lowerExport(l: Lowerer, node: ExportNode): Js[] {
  const at = node.start
  switch (node.type) {
    case 'ExportAll':
      return [
        {
          type: 'ExportAllDeclaration',
          exported: node.as ? id(node.as, node.asStart) : null,
          source: str(node.from, node.fromStart),
          attributes: [],
          at,
        },
      ]
    case 'ExportNames':
      return [
        {
          type: 'ExportNamedDeclaration',
          declaration: null,
          specifiers: node.names.filter((name) => !name.isType).map(exportName),
          source: node.from === undefined ? null : str(node.from, node.fromStart),
          attributes: [],
          at,
        },
      ]
    case 'ExportDefault':
      return [{ type: 'ExportDefaultDeclaration', declaration: defaultValue(l, node), at }]
    default:
      return exportDeclaration(l, node)
  }
}

function exportName({ imported, importedStart, local, localStart }: ImportName): Js {
  return {
    type: 'ExportSpecifier',
    exported: id(imported, importedStart),
    local: id(local, localStart),
  }
}

function defaultValue(l: Lowerer, node: NodeOf<'ExportDefault'>): Js {
  const { value } = node
  if (value.type === 'Class' && value.name) return lowerClass(l, value, 'ClassDeclaration')
  if (value.type === 'Fn' && value.kind === 'def') return functionDeclaration(l, value)
  return l.expression(value)
}

function exportDeclaration(l: Lowerer, node: NodeOf<'Export'>): Js[] {
  const { declaration } = node
  const at = node.start
  if (declaration.type === 'Erased') return []
  if (declaration.type === 'Assign') {
    const value = l.expression(declaration.value)
    const kind = 'const'
    return [
      {
        type: 'ExportNamedDeclaration',
        declaration: declare(kind, pattern(l, declaration.target), value, declaration.start),
        specifiers: [],
        source: null,
        attributes: [],
        at,
      },
    ]
  }
  const [lowered] = l.statement(declaration, DISCARD)
  return [
    {
      type: 'ExportNamedDeclaration',
      declaration: lowered!,
      specifiers: [],
      source: null,
      attributes: [],
      at,
    },
  ]
}
