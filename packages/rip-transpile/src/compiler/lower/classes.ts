import type { Class, Fn, Member } from '../ast.ts'
import { functionParts } from './functions.ts'
import { contained } from './hoisting.ts'
import { block, call, id, raw, spread, statement } from './js.ts'
import type { Js, JsOf } from './estree.ts'
import { propertyKey } from './keys.ts'
import type { Lowerer, Sink } from './lowerer.ts'

export function lowerClass(l: Lowerer, node: Class, type: 'ClassDeclaration' | 'ClassExpression'): Js {
  const derived = node.parent !== undefined
  const bound = node.members.filter((part) => isBound(part)).map((part) => propertyKey(l, part))
  const members = l.nested(() => node.members.map((part) => lowerMember(l, part, derived, bound)))
  const hasConstructor = node.members.some((part) => part.value?.type === 'Fn' && part.value.isConstructor)
  if (bound.length > 0 && !hasConstructor) members.unshift(bindingConstructor(derived, bound))
  const name = node.name ? id(node.name, node.nameStart) : null
  return {
    type,
    id: name,
    superClass: node.parent ? l.expression(node.parent) : null,
    body: { type: 'ClassBody', body: members },
    at: node.start,
    till: node.start,
  }
}

function isBound(part: Member): boolean {
  return part.value?.type === 'Fn' && part.kind === 'method' && part.value.kind === 'fat' && !part.isStatic
}

function bindingConstructor(derived: boolean, bound: readonly Js[]): Js {
  const lines = bound.map((key) => {
    const target: JsOf<'MemberExpression'> = {
      type: 'MemberExpression',
      object: raw('this'),
      property: key,
      computed: key.type !== 'Identifier',
      optional: false,
    }
    const bind: JsOf<'MemberExpression'> = {
      type: 'MemberExpression',
      object: target,
      property: id('bind'),
      computed: false,
      optional: false,
    }
    return statement({
      type: 'AssignmentExpression',
      operator: '=',
      left: target,
      right: call(bind, [raw('this')]),
    })
  })
  const superCall = statement(call(raw('super'), [spread(id('arguments'))]))
  const value: JsOf<'FunctionExpression'> = {
    type: 'FunctionExpression',
    id: null,
    params: [],
    body: block(derived ? [superCall, ...lines] : lines),
    async: false,
    generator: false,
  }
  return {
    type: 'MethodDefinition',
    kind: 'constructor',
    key: id('constructor'),
    value,
    computed: false,
    static: false,
  }
}

function lowerMember(l: Lowerer, part: Member, derived: boolean, bound: readonly Js[]): Js {
  const key = propertyKey(l, part)
  if (part.kind === 'method' && part.value?.type === 'Fn')
    return lowerMethod(l, part, part.value, key, derived, bound)
  const value = part.value ? contained(l, part.value, part.scope) : null
  return {
    type: 'PropertyDefinition',
    key,
    value,
    computed: part.computed,
    static: part.isStatic,
    at: part.start,
  }
}

function lowerMethod(l: Lowerer, part: Member, fn: Fn, key: Js, derived: boolean, bound: readonly Js[]): Js {
  const { params, body } = functionParts(l, fn, {
    methodName: key,
    derived,
    bound: fn.isConstructor ? bound : [],
  })
  const value: JsOf<'FunctionExpression'> = {
    type: 'FunctionExpression',
    id: null,
    params,
    body,
    async: fn.isAsync,
    generator: fn.isGenerator,
  }
  const kind = fn.isConstructor ? 'constructor' : 'method'
  return {
    type: 'MethodDefinition',
    kind,
    key,
    value,
    computed: part.computed,
    static: part.isStatic,
    at: part.start,
    till: part.start,
  }
}

/** A class as a statement; a named one is declared. */
export function lowerClassStatement(l: Lowerer, node: Class, sink: Sink): Js[] | undefined {
  if (!node.name) return undefined
  const declaration = lowerClass(l, node, 'ClassDeclaration')
  if (sink.kind === 'discard') return [declaration]
  return [declaration, l.deliver(sink, id(node.name, node.nameStart))]
}

export function lowerClassValue(l: Lowerer, node: Class): Js {
  return lowerClass(l, node, 'ClassExpression')
}
