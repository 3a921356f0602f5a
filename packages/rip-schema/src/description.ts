export type SchemaKind = 'input' | 'shape' | 'enum' | 'mixin' | 'union'

/** Limits of one field. */
export interface Constraints {
  /** Minimum length of a text or list, or minimum number. */
  readonly min?: number
  readonly max?: number
  /** Used if the input has no value. */
  readonly default?: unknown
  readonly regex?: RegExp
}

/** One field, in the form the compiler emits. */
export interface FieldDescription {
  readonly tag: 'field'
  readonly name: string
  /** `!` for required, `?` for optional. */
  readonly modifiers: readonly string[]
  /** A type of the language, the name of a schema, or `literal-union`. */
  readonly typeName: string
  readonly array: boolean
  readonly unique?: boolean
  readonly literals?: readonly string[]
  /** Whether the value is converted before it is checked. */
  readonly coerce?: boolean
  /** Name of a registered converter; without it, the converter of the type is used. */
  readonly coercer?: string
  readonly constraints?: Constraints
  readonly attrs?: Readonly<Record<string, string>>
  /** Computes the value of the field from the whole input. */
  readonly transform?: (input: unknown) => unknown
}

export interface CallableDescription {
  readonly tag: 'method' | 'computed' | 'derived'
  readonly name: string
  readonly fn: (this: unknown, ...args: unknown[]) => unknown
}

export interface EnsureDescription {
  readonly tag: 'ensure'
  readonly message: string
  readonly fn: (value: unknown) => unknown
  /** Field that the issue names. */
  readonly field?: string
  readonly async?: boolean
}

export interface DirectiveDescription {
  readonly tag: 'directive'
  readonly name: string
  readonly args?: readonly { readonly target?: string; readonly field?: string }[]
}

export interface MemberDescription {
  readonly tag: 'enum-member' | 'union-member'
  readonly name: string
  readonly value?: unknown
}

export type EntryDescription =
  FieldDescription | CallableDescription | EnsureDescription | DirectiveDescription | MemberDescription

/** The form in which the compiler emits `schema :kind` and its body. */
export interface SchemaDescription {
  readonly kind: SchemaKind
  readonly name?: string | undefined
  readonly entries: readonly EntryDescription[]
}
