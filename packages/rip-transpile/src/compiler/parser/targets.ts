import type { Node, NodeOf } from '../ast.ts'
import type { Form } from '../binding.ts'
import { isReservedTarget } from './diagnostics.ts'
import type { Use } from '../scope.ts'
import { bindName, checkWritable } from './names.ts'
import type { Parser } from './parser.ts'

export function isAssignable(node: Node): boolean {
  switch (node.type) {
    case 'Id':
    case 'Member':
    case 'Index':
    case 'Arr':
    case 'Obj':
      return true
    case 'Paren':
      return isAssignable(node.body)
    default:
      return false
  }
}

interface Direct {
  end: number
  closure: boolean
}

/** Records the names that a target writes; refuses what cannot be written. */
export function assignTarget(p: Parser, target: Node, use: Use, direct?: Direct): void {
  switch (target.type) {
    case 'Id':
      checkWritable(p, target.name, target.start)
      p.scope.mention(target.name, target.start, use)
      if (direct) p.scope.function().direct.set(target.start, direct)
      return
    case 'Member':
      return
    case 'Index':
      return checkIndex(p, target)
    case 'Paren':
      return assignTarget(p, target.body, use)
    case 'Arr':
      for (const item of target.items) if (item) assignPart(p, item, use, direct)
      return
    case 'Obj':
      for (const prop of target.props) assignPart(p, prop.value, use, direct)
      return
    case 'Spread':
      if (target.arg.type === 'Erased') return
      rejectRestDefault(p, target.arg)
      return assignTarget(p, target.arg, use, direct)
    case 'Assign':
      if (target.op === '=') return assignTarget(p, target.target, use, direct)
      break
    default:
  }
  isReservedTarget(p, target)
}

/** Binds the names of a pattern in a scope, for parameters and loop variables. */
export function bindPattern(p: Parser, target: Node, form: Form): void {
  requireNames(p, target)
  for (const { name, start } of patternNames(target)) bindName(p, p.scope, name, start, form)
}

/** A part of a pattern; unlike a whole assignment it cannot be optional. */
function assignPart(p: Parser, target: Node, use: Use, direct?: Direct): void {
  for (let at = target; at.type === 'Member' || at.type === 'Index'; at = at.object)
    if (at.optional) p.lx.fail('a part of a pattern is not optional', target.start, target.end)
  assignTarget(p, target, use, direct)
}

/** Refuses to assign `a[-1]`, which is `a.at(-1)`. */
function checkIndex(p: Parser, { index, start, end }: NodeOf<'Index'>): void {
  if (index.type !== 'Unary' || index.op !== '-' || index.arg.type !== 'Num') return
  const hint = `Count from the start: [list.length - ${index.arg.raw}].`
  p.lx.fail('an index from the end is not assigned', start, end, hint)
}

/** Refuses a pattern that holds anything but new names. */
export function requireNames(p: Parser, target: Node): void {
  switch (target.type) {
    case 'Id':
    case 'Erased':
      return
    case 'Arr':
      for (const item of target.items) if (item) requireNames(p, item)
      return
    case 'Obj':
      for (const prop of target.props) requireNames(p, prop.value)
      return
    case 'Spread':
      rejectRestDefault(p, target.arg)
      return requireNames(p, target.arg)
    case 'Assign':
      if (target.op === '=' && !target.isConst) return requireNames(p, target.target)
      break
    default:
  }
  p.lx.fail('only a name can be declared here', target.start, target.end)
}

export function patternNames(target: Node): { name: string; start: number; end: number }[] {
  switch (target.type) {
    case 'Id':
      return [target]
    case 'Paren':
      return patternNames(target.body)
    case 'Arr':
      return target.items.flatMap((item) => (item ? patternNames(item) : []))
    case 'Obj':
      return target.props.flatMap((prop) => patternNames(prop.value))
    case 'Spread':
      return patternNames(target.arg)
    case 'Assign':
      return patternNames(target.target)
    default:
      return []
  }
}

export function isPattern(node: Node): boolean {
  return node.type === 'Paren' ? isPattern(node.body) : node.type === 'Arr' || node.type === 'Obj'
}

function rejectRestDefault(p: Parser, rest: Node): void {
  if (rest.type !== 'Assign') return
  p.lx.fail(
    'what gathers the rest has no default',
    rest.start,
    rest.end,
    'It is empty where nothing is left.',
  )
}
