import type { Node, NodeOf } from '../ast.ts'

const STATEMENTS: ReadonlySet<string> = new Set([
  'If',
  'Switch',
  'Try',
  'For',
  'While',
  'Block',
  'Return',
  'Throw',
  'Jump',
])

/** Whether a node is a statement in JavaScript. */
export function isStatementLike(node: Node): boolean {
  return STATEMENTS.has(node.type) || (node.type === 'Paren' && isStatementLike(node.body))
}

/** Whether a node is `value or return` and the like. */
export function isGuard(node: Node): node is NodeOf<'Logical'> {
  return (
    node.type === 'Logical' &&
    (node.right.type === 'Return' || node.right.type === 'Throw' || node.right.type === 'Jump')
  )
}
