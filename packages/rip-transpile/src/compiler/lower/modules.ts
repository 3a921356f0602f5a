import type { ImportName, NodeOf } from '../ast.ts'
import { lowerClass } from './classes.ts'
import { expression } from './expressions.ts'
import { functionDeclaration } from './functions.ts'
import { declare, id, str } from './js.ts'
import type { Js } from './js.ts'
import { DISCARD } from './lowerer.ts'
import type { Lowerer } from './lowerer.ts'
import { pattern } from './patterns.ts'
import { lowerStatement } from './statements.ts'

export function lowerImport(l: Lowerer, node: NodeOf<'Import'>): Js[] {
  const specifiers: Js[] = []
  if (node.base) specifiers.push({ type: 'ImportDefaultSpecifier', local: id(node.base) })
  if (node.namespace) specifiers.push({ type: 'ImportNamespaceSpecifier', local: id(node.namespace) })
  for (const { imported, local } of node.names ?? [])
    specifiers.push({ type: 'ImportSpecifier', imported: id(imported), local: id(local) })
  const attributes =
    node.attributes?.type === 'Obj'
      ? node.attributes.props.map((prop) => ({
          type: 'ImportAttribute',
          key: id(prop.key.type === 'Id' ? prop.key.name : ''),
          value: expression(l, prop.value),
        }))
      : []
  return [
    {
      type: 'ImportDeclaration',
      specifiers,
      source: str(node.from, l.loc({ start: node.fromStart, end: node.end })),
      attributes,
      loc: l.loc(node),
    },
  ]
}

type ExportNode = NodeOf<'ExportNames'> | NodeOf<'ExportAll'> | NodeOf<'ExportDefault'> | NodeOf<'Export'>

export function lowerExport(l: Lowerer, node: ExportNode): Js[] {
  const loc = l.loc(node)
  switch (node.type) {
    case 'ExportAll':
      return [
        {
          type: 'ExportAllDeclaration',
          exported: node.as ? id(node.as) : null,
          source: str(node.from),
          attributes: [],
          loc,
        },
      ]
    case 'ExportNames':
      return [
        {
          type: 'ExportNamedDeclaration',
          declaration: null,
          specifiers: node.names.map(exportName),
          source: node.from === undefined ? null : str(node.from),
          attributes: [],
          loc,
        },
      ]
    case 'ExportDefault':
      return [{ type: 'ExportDefaultDeclaration', declaration: defaultValue(l, node), loc }]
    default:
      return exportDeclaration(l, node)
  }
}

function exportName({ imported, local }: ImportName): Js {
  return { type: 'ExportSpecifier', exported: id(imported), local: id(local) }
}

function defaultValue(l: Lowerer, node: NodeOf<'ExportDefault'>): Js {
  const { value } = node
  if (value.type === 'Class' && value.name) return lowerClass(l, value, 'ClassDeclaration')
  if (value.type === 'Fn' && value.kind === 'def') return functionDeclaration(l, value)
  return expression(l, value)
}

function exportDeclaration(l: Lowerer, node: NodeOf<'Export'>): Js[] {
  const { declaration } = node
  const loc = l.loc(node)
  if (declaration.type === 'Erased') return []
  if (declaration.type === 'Assign') {
    const value = expression(l, declaration.value)
    const kind = 'const'
    return [
      {
        type: 'ExportNamedDeclaration',
        declaration: declare(kind, pattern(l, declaration.target), value, loc),
        specifiers: [],
        source: null,
        attributes: [],
        loc,
      },
    ]
  }
  const [lowered] = lowerStatement(l, declaration, DISCARD)
  return [
    {
      type: 'ExportNamedDeclaration',
      declaration: lowered!,
      specifiers: [],
      source: null,
      attributes: [],
      loc,
    },
  ]
}
