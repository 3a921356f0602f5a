/** How a name is declared, other than by a plain assignment. */
export type Form =
  | 'parameter'
  | 'loop'
  | 'catch'
  | 'import'
  | 'def'
  | 'class'
  | 'enum'
  | 'constant'
  | 'state'
  | 'computed'
  | 'effect'
  | 'export'

export interface Binding {
  form: Form
  /** Offset of the name where it is declared. */
  at: number
  /** The block that declares it: blocks of `if` and the like may each declare the same name. */
  block: number
}
