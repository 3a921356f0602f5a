import type { NodeOf } from '../ast.ts'
import { array, call, id, keyword, member, raw, spread, standard, str, undefinedValue } from './js.ts'
import type { Identifier, Js, TemplateElement } from './estree.ts'
import type { Lowerer } from './lowerer.ts'
import { hasOptional } from './members.ts'

export function lowerName(l: Lowerer, node: NodeOf<'Id'>): Js {
  const isReactive = l.hasReactive && l.scope.owner(node.name)?.reactive.has(node.name)
  return isReactive ? member(id(node.name, node.start), 'value') : id(node.name, node.start)
}

export function lowerNumber(_: Lowerer, node: NodeOf<'Num'>): Js {
  return { type: 'Literal', value: 0, raw: node.raw, at: node.start }
}

export function lowerText(_: Lowerer, node: NodeOf<'Str'>): Js {
  return str(node.value, node.start)
}

export function lowerTemplate(l: Lowerer, node: NodeOf<'Template'>): Js {
  return template(l, node, false)
}

function template(l: Lowerer, node: NodeOf<'Template'>, tagged: boolean): Js {
  const last = node.quasis.length - 1
  const quasis = node.quasis.map((text, at): TemplateElement => {
    const escaped = tagged
      ? text.replace(/`/g, '\\`')
      : text.replace(/[\\`]/g, '\\$&').replace(/\$\{/g, '\\${').replace(/\r/g, '\\r')
    return { type: 'TemplateElement', value: { raw: escaped, cooked: text }, tail: at === last }
  })
  // An error that a tag throws has the position of the backtick, which the tag then takes.
  const at = tagged ? undefined : node.start
  return { type: 'TemplateLiteral', quasis, expressions: l.expressions(node.exprs), at }
}

export function tagged(l: Lowerer, node: NodeOf<'Tagged'>): Js {
  const tag = l.expression(node.tag)
  if (hasOptional(tag)) l.fail('the tag of a text cannot be optional', node.tag, 'Call it with parentheses.')
  const quasi = node.quasi.type === 'Template' ? template(l, node.quasi, true) : l.expression(node.quasi)
  return { type: 'TaggedTemplateExpression', tag, quasi }
}

/** JavaScript between backticks, with its positions, or the name of a generated variable. */
export function embedded(l: Lowerer, { code, start }: NodeOf<'Raw'>): Identifier {
  if (l.source[start] !== '`') return raw(code, start)
  return { ...raw(code, l.source.indexOf(code, start)), verbatim: true }
}

export function lowerRegex(_: Lowerer, { pattern, flags, start }: NodeOf<'Regex'>): Js {
  return { type: 'Literal', raw: `/${pattern}/${flags}`, value: null, regex: { pattern, flags }, at: start }
}

export function lowerDynamicRegex(l: Lowerer, node: NodeOf<'DynamicRegex'>): Js {
  return call(id('RegExp', node.start), [l.expression(node.source), ...(node.flags ? [str(node.flags)] : [])])
}

export function lowerKeyword(l: Lowerer, node: NodeOf<'Keyword'>): Js {
  if (node.name === 'super')
    l.fail("'super' is called or has a member", node, 'Write super() with its arguments.')
  if (node.name === 'new.target' && !l.fn.hasOwnThis)
    l.fail("'new.target' is not in a function", node, 'Move it to the constructor of a class.')
  return keyword(node.name, node.start)
}

export function lowerArray(l: Lowerer, node: NodeOf<'Arr'>): Js {
  return array(l.expressions(node.items), node.start)
}

export function lowerSymbol(_: Lowerer, node: NodeOf<'Symbol'>): Js {
  return standard('Symbol', 'for', [str(node.name)], node.start)
}

export function lowerParen(l: Lowerer, node: NodeOf<'Paren'>): Js {
  const inner = l.expression(node.body)
  return hasOptional(inner) ? { type: 'ParenthesizedExpression', expression: inner } : inner
}

export function lowerSpread(l: Lowerer, node: NodeOf<'Spread'>): Js {
  if (node.arg.type === 'Erased') l.fail('this spread has no value', node, 'Write `...values`.')
  return spread(l.expression(node.arg), node.start)
}

/** A type declaration emits no code and has no value. */
export function lowerErased(_: Lowerer, node: NodeOf<'Erased'>): Js {
  return undefinedValue(node.start)
}
