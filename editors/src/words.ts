import { RESERVED } from '../../packages/rip-transpile/src/compiler/lexer.ts'
import { FIELD_TYPES, SCHEMA_KINDS } from '../../packages/rip-transpile/src/compiler/schema-words.ts'

/** Kinds of words, each with a colour in every editor. */
export type WordClass =
  'control' | 'operator' | 'declaration' | 'module' | 'constant' | 'language' | 'modifier' | 'foreign'

/**
 * The words of the language by kind. A test checks that each word the compiler reserves is in one list; only the words
 * in `foreign` have no meaning in Rip.
 */
export const WORDS: Readonly<Record<WordClass, readonly string[]>> = {
  control: split(
    'if unless else then when switch for while until loop break continue return throw try catch finally do yield await',
  ),
  operator: split('and or not is isnt in of instanceof typeof delete new'),
  declaration: split('class extends def enum'),
  module: split('import export default'),
  constant: split('true false null undefined yes no on off'),
  language: split('this super'),
  /** Keywords in loops, casts and imports, names elsewhere. */
  modifier: split('by own as'),
  foreign: split('debugger function var let const void with case'),
}

/** Keywords in one place, names elsewhere: `type A = …`, `schema :shape`. */
export const CONTEXT_WORDS: {
  readonly types: readonly string[]
  readonly from: string
  readonly schema: string
} = { types: split('type interface'), from: 'from', schema: 'schema' }

export const RESERVED_WORDS: readonly string[] = [...RESERVED]

/** Types of the fields of a schema. */
export const TYPE_WORDS: readonly string[] = Object.keys(FIELD_TYPES)

export const KIND_WORDS: readonly string[] = [...SCHEMA_KINDS, 'model']

export const DIRECTIVE_WORDS: readonly string[] = ['mixin', 'ensure', 'on']

function split(words: string): readonly string[] {
  return words.split(' ')
}
