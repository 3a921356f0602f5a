import type { Scope } from './scope.ts'

interface At {
  /** Offsets in the source, in UTF-16 units. */
  start: number
  end: number
}

export type AssignOperator =
  | '='
  | '+='
  | '-='
  | '*='
  | '/='
  | '%='
  | '**='
  | '//='
  | '%%='
  | '&='
  | '|='
  | '^='
  | '<<='
  | '>>='
  | '>>>='
  | '||='
  | '&&='
  | '??='

export interface Property extends At {
  kind: 'pair' | 'shorthand' | 'spread'
  /** A string or identifier, or with `computed` any expression. */
  key: Node
  computed: boolean
  value: Node
}

export interface Param extends At {
  target: Node
  init: Node | undefined
  rest: boolean
  /** `...` without a name: skips the elements between. */
  expansion: boolean
  /** Text of its type. */
  annotation: string | undefined
  /** Written `name?`. */
  optional: boolean
}

export interface SwitchCase extends At {
  tests: Node[]
  body: Block
}

export interface Member extends At {
  kind: 'method' | 'field'
  key: Node
  computed: boolean
  isStatic: boolean
  /** A field without one is undefined. */
  value: Node | undefined
  /** Names that the value of a field assigns when it is computed. */
  scope: Scope | undefined
  /** Text of its type. */
  annotation: string | undefined
  /** Written `name?`. */
  optional: boolean
}

export interface ImportName {
  imported: string
  importedStart: number
  local: string
  localStart: number
  /** Whether it is the name of a type, which the emitted code does not import. */
  isType: boolean
}

export interface PickItem extends At {
  key: string
  name: string
  nameStart: number
  init: Node | undefined
}

export interface Block extends At {
  type: 'Block'
  body: Node[]
}

export interface Fn extends At {
  type: 'Fn'
  kind: 'thin' | 'fat' | 'def'
  name: string | undefined
  nameStart: number
  params: Param[]
  body: Block
  scope: Scope
  isAsync: boolean
  isGenerator: boolean
  isVoid: boolean
  isConstructor: boolean
  /** Source text of the type parameters with their brackets. */
  typeParameters: string | undefined
  /** Text of the type. */
  returnType: string | undefined
}

export interface Loop extends At {
  type: 'For'
  kind: 'in' | 'of' | 'as' | 'times'
  value: Node | undefined
  index: Node | undefined
  source: Node
  by: Node | undefined
  guard: Node | undefined
  own: boolean
  isAsync: boolean
  body: Node
  scope: Scope
}

export interface Assign extends At {
  type: 'Assign'
  op: AssignOperator
  target: Node
  value: Node
  isConst: boolean
  /** Text of the target's type. */
  annotation: string | undefined
}

export interface Identifier extends At {
  type: 'Id'
  name: string
}

export interface Class extends At {
  type: 'Class'
  name: string | undefined
  nameStart: number
  /** Text with its brackets. */
  typeParameters: string | undefined
  parent: Node | undefined
  /** Text with its brackets. */
  parentArguments: string | undefined
  members: Member[]
  scope: Scope
}

export type SchemaKind = 'input' | 'shape' | 'enum' | 'mixin' | 'union'

/** A literal in the body of a schema, which is known at compile time. */
export type SchemaLiteral = string | number | boolean | null | undefined

export interface SchemaField extends At {
  tag: 'field'
  name: string
  modifiers: ('!' | '?')[]
  /** A type of the language, the name of a schema, or `literal-union`. */
  typeName: string
  array: boolean
  literals: string[] | undefined
  /** Written `~type` or `~:coercer`. */
  coerce: boolean
  coercer: string | undefined
  unique: boolean
  attrs: Record<string, string> | undefined
  min: number | undefined
  max: number | undefined
  regex: Node | undefined
  default: { value: SchemaLiteral } | undefined
  transform: Fn | undefined
}

export interface SchemaCallable extends At {
  tag: 'method' | 'computed' | 'derived'
  name: string
  fn: Fn
}

export interface SchemaEnsure extends At {
  tag: 'ensure'
  message: string
  field: string | undefined
  isAsync: boolean
  fn: Fn
}

export interface SchemaMember extends At {
  tag: 'enum-member'
  name: string
  value: { value: SchemaLiteral } | undefined
}

export interface SchemaReference extends At {
  tag: 'mixin' | 'on' | 'union-member'
  name: string
}

/** One entry in the body of a schema. */
export type SchemaEntry = SchemaField | SchemaCallable | SchemaEnsure | SchemaMember | SchemaReference

export interface Schema extends At {
  type: 'Schema'
  kind: SchemaKind
  /** What it is assigned to. */
  name: string | undefined
  entries: SchemaEntry[]
}

/** A declaration of types: emits no code and is kept for the declaration file. */
export type Declares =
  | { readonly kind: 'type' | 'import'; readonly text: string }
  | { readonly kind: 'binding'; readonly name: string; readonly annotation: string }
  | { readonly kind: 'overload'; readonly fn: Fn }

export type Node =
  | Block
  | Fn
  | Loop
  | Assign
  | Identifier
  | Class
  | Schema
  | (At & { type: 'Num'; raw: string })
  | (At & { type: 'Str'; value: string })
  | (At & { type: 'Template'; quasis: string[]; exprs: Node[] })
  | (At & { type: 'Tagged'; tag: Node; quasi: Node })
  | (At & { type: 'Regex'; pattern: string; flags: string })
  | (At & { type: 'DynamicRegex'; source: Node; flags: string })
  | (At & { type: 'Raw'; code: string })
  | (At & {
      type: 'Keyword'
      name:
        'this' | 'super' | 'true' | 'false' | 'null' | 'undefined' | 'import.meta' | 'new.target' | 'debugger'
    })
  | (At & { type: 'Arr'; items: (Node | null)[] })
  | (At & { type: 'Obj'; props: Property[] })
  | (At & { type: 'ObjFor'; prop: Property; loop: Loop })
  | (At & { type: 'MapLit'; entries: ([Node, Node] | Node)[] })
  | (At & { type: 'Symbol'; name: string })
  | (At & { type: 'Paren'; body: Node })
  | (At & { type: 'Spread'; arg: Node })
  | (At & { type: 'Call'; callee: Node; args: Node[]; optional: boolean })
  | (At & { type: 'New'; callee: Node; args: Node[] })
  | (At & { type: 'Member'; object: Node; prop: string; optional: boolean })
  | (At & { type: 'Index'; object: Node; index: Node; optional: boolean })
  | (At & {
      type: 'Slice'
      object: Node
      from: Node | undefined
      to: Node | undefined
      exclusive: boolean
      optional: boolean
    })
  | (At & { type: 'RegexIndex'; object: Node; regex: Node; group: Node | undefined })
  | (At & { type: 'Pick'; object: Node; items: PickItem[]; optional: boolean })
  | (At & { type: 'Range'; from: Node; to: Node; exclusive: boolean })
  | (At & { type: 'Unary'; op: string; arg: Node })
  | (At & { type: 'Update'; op: string; arg: Node; prefix: boolean })
  | (At & { type: 'Binary'; op: string; left: Node; right: Node })
  | (At & { type: 'Logical'; op: '||' | '&&' | '??'; left: Node; right: Node })
  | (At & { type: 'Chain'; operands: Node[]; ops: string[] })
  | (At & { type: 'In'; left: Node; right: Node; negated: boolean })
  | (At & { type: 'Match'; left: Node; right: Node })
  | (At & { type: 'Ternary'; test: Node; consequent: Node; otherwise: Node })
  | (At & { type: 'Exists'; arg: Node })
  | (At & { type: 'Presence'; arg: Node })
  | (At & { type: 'MethodAssign'; target: Node; value: (base: Node) => Node })
  | (At & { type: 'Merge'; target: Node; value: Node })
  | (At & { type: 'Await'; arg: Node; isSuffix: boolean })
  | (At & { type: 'Yield'; arg: Node | undefined; delegate: boolean })
  | (At & { type: 'Do'; fn: Node })
  | (At & { type: 'If'; test: Node; consequent: Node; otherwise: Node | undefined })
  | (At & { type: 'Switch'; subject: Node | undefined; cases: SwitchCase[]; otherwise: Block | undefined })
  | (At & {
      type: 'Try'
      block: Node
      param: Node | undefined
      handler: Node | undefined
      finalizer: Node | undefined
      scope: Scope | undefined
    })
  | (At & { type: 'While'; test: Node | undefined; guard: Node | undefined; body: Node })
  | (At & { type: 'Return'; arg: Node | undefined })
  | (At & { type: 'Throw'; arg: Node })
  | (At & { type: 'Jump'; kind: 'break' | 'continue' })
  | (At & {
      type: 'Import'
      base: ImportName | undefined
      namespace: ImportName | undefined
      names: ImportName[] | undefined
      from: string
      attributes: Node | undefined
      fromStart: number
    })
  | (At & { type: 'ExportNames'; names: ImportName[]; from: string | undefined; fromStart: number })
  | (At & { type: 'ExportAll'; as: string | undefined; asStart: number; from: string; fromStart: number })
  | (At & { type: 'ExportDefault'; value: Node })
  | (At & { type: 'Export'; declaration: Node })
  | (At & {
      type: 'Reactive'
      kind: 'state' | 'computed' | 'effect'
      name: Identifier | undefined
      value: Node
      annotation: string | undefined
    })
  | (At & { type: 'Enum'; name: Identifier; members: { key: string; keyStart: number; value: Node }[] })
  | (At & { type: 'Erased'; declares?: Declares })

export type NodeOf<T extends Node['type']> = Extract<Node, { type: T }>
