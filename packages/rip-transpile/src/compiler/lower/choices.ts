import type { Block, Node, NodeOf } from '../ast.ts'
import { generated } from './generated.ts'
import { conditional, sequence, undefinedValue } from './js.ts'
import type { Js } from './estree.ts'
import { isGuard, isStatementLike } from './kinds.ts'
import { RETURN } from './lowerer.ts'
import type { Lowerer } from './lowerer.ts'

export function lowerTernary(l: Lowerer, node: NodeOf<'Ternary'>): Js {
  return conditional(l.expression(node.test), l.expression(node.consequent), l.expression(node.otherwise))
}

export function lowerChoice(l: Lowerer, node: NodeOf<'If'>): Js {
  const single = (branch: Node | undefined): Node | undefined =>
    branch?.type === 'Block' ? (branch.body.length === 1 ? branch.body[0] : undefined) : branch
  const consequent = single(node.consequent)
  const otherwise = single(node.otherwise)
  const plain = (branch: Node): boolean =>
    !isGuard(branch) &&
    (branch.type === 'If' || !isStatementLike(branch)) &&
    !(branch.type === 'Assign' && isStatementLike(branch.value))
  if (!consequent || (node.otherwise && !otherwise) || !plain(consequent) || (otherwise && !plain(otherwise)))
    return generated(l, node, () => l.body(node, RETURN))
  return conditional(
    l.expression(node.test),
    l.expression(consequent),
    otherwise ? l.expression(otherwise) : undefinedValue(),
  )
}

/** Several statements in place of an expression. */
export function lowerBlock(l: Lowerer, node: Block): Js {
  if (node.body.length > 0 && node.body.every((part) => !isStatementLike(part) && part.type !== 'Assign'))
    return sequence(node.body.map((part) => l.expression(part)))
  return lowerAsFunction(l, node)
}

/** A construct that is only a statement in JavaScript, in place of an expression. */
export function lowerAsFunction(l: Lowerer, node: Node): Js {
  return generated(l, node, () => l.body(node, RETURN))
}
