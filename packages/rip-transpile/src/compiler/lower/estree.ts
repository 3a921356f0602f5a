/**
 * Nodes of ESTree in the form that the printer takes. Their children are nodes of any kind: what may stand where is for
 * the functions that make them.
 */
export type Js =
  | ArrayExpression
  | ArrayPattern
  | ArrowFunctionExpression
  | AssignmentExpression
  | AssignmentPattern
  | AwaitExpression
  | BinaryExpression
  | BlockStatement
  | CallExpression
  | CatchClause
  | ClassBody
  | ClassNode
  | ConditionalExpression
  | ExportAllDeclaration
  | ExportDefaultDeclaration
  | ExportNamedDeclaration
  | ExportSpecifier
  | ExpressionStatement
  | ForInStatement
  | ForOfStatement
  | ForStatement
  | FunctionNode
  | Identifier
  | IfStatement
  | ImportAttribute
  | ImportDeclaration
  | ImportSpecifier
  | JumpStatement
  | Literal
  | LogicalExpression
  | MemberExpression
  | MethodDefinition
  | NewExpression
  | ObjectNode
  | ParenthesizedExpression
  | Program
  | Property
  | PropertyDefinition
  | RestElement
  | ReturnStatement
  | SequenceExpression
  | SpreadElement
  | SwitchCase
  | SwitchStatement
  | TaggedTemplateExpression
  | TemplateElement
  | TemplateLiteral
  | ThisExpression
  | ThrowStatement
  | TryStatement
  | UnaryExpression
  | UpdateExpression
  | VariableDeclaration
  | VariableDeclarator
  | WhileStatement
  | YieldExpression

/** A node of that type. */
export type JsOf<T extends Js['type']> = OfType<Js, T>

type OfType<N, T> = N extends { type: string } ? (T extends N['type'] ? N : never) : never

interface Place {
  /** Source offset of the first character; nodes that start with a child need none. */
  at?: number | undefined
  /** Source offset for the text after the node. */
  till?: number | undefined
}

export interface Identifier extends Place {
  type: 'Identifier'
  name: string
  /** Whether the name is embedded JavaScript, whose parts keep their places. */
  verbatim?: boolean
}

interface Literal extends Place {
  type: 'Literal'
  value: string | number | null
  raw: string
  regex?: { pattern: string; flags: string }
}

export interface TemplateElement extends Place {
  type: 'TemplateElement'
  value: { raw: string; cooked?: string }
  tail?: boolean
}

interface TemplateLiteral extends Place {
  type: 'TemplateLiteral'
  quasis: TemplateElement[]
  expressions: Js[]
}

interface TaggedTemplateExpression extends Place {
  type: 'TaggedTemplateExpression'
  tag: Js
  quasi: Js
}

interface ThisExpression extends Place {
  type: 'ThisExpression'
}

interface ArrayExpression extends Place {
  type: 'ArrayExpression'
  elements: (Js | null)[]
}

interface ArrayPattern extends Place {
  type: 'ArrayPattern'
  elements: (Js | null)[]
}

interface ObjectNode extends Place {
  type: 'ObjectExpression' | 'ObjectPattern'
  properties: Js[]
}

export interface Property extends Place {
  type: 'Property'
  kind: 'init'
  key: Js
  value: Js
  computed: boolean
  shorthand: boolean
  method: boolean
}

interface RestElement extends Place {
  type: 'RestElement'
  argument: Js
}

interface SpreadElement extends Place {
  type: 'SpreadElement'
  argument: Js
}

interface AssignmentPattern extends Place {
  type: 'AssignmentPattern'
  left: Js
  right: Js
}

interface AssignmentExpression extends Place {
  type: 'AssignmentExpression'
  operator: string
  left: Js
  right: Js
}

interface BinaryExpression extends Place {
  type: 'BinaryExpression'
  operator: string
  left: Js
  right: Js
}

interface LogicalExpression extends Place {
  type: 'LogicalExpression'
  operator: string
  left: Js
  right: Js
}

interface UnaryExpression extends Place {
  type: 'UnaryExpression'
  operator: string
  prefix: true
  argument: Js
}

interface UpdateExpression extends Place {
  type: 'UpdateExpression'
  operator: string
  prefix: boolean
  argument: Js
}

interface ConditionalExpression extends Place {
  type: 'ConditionalExpression'
  test: Js
  consequent: Js
  alternate: Js
}

interface SequenceExpression extends Place {
  type: 'SequenceExpression'
  expressions: Js[]
}

interface ParenthesizedExpression extends Place {
  type: 'ParenthesizedExpression'
  expression: Js
}

interface AwaitExpression extends Place {
  type: 'AwaitExpression'
  argument: Js
}

interface YieldExpression extends Place {
  type: 'YieldExpression'
  argument: Js | null
  delegate: boolean
}

export interface MemberExpression extends Place {
  type: 'MemberExpression'
  object: Js
  property: Js
  computed: boolean
  optional: boolean
}

interface CallExpression extends Place {
  type: 'CallExpression'
  callee: Js
  arguments: Js[]
  optional: boolean
}

interface NewExpression extends Place {
  type: 'NewExpression'
  callee: Js
  arguments: Js[]
}

interface ArrowFunctionExpression extends Place {
  type: 'ArrowFunctionExpression'
  params: Js[]
  body: Js
  async: boolean
  /** Whether the body is an expression. */
  expression: boolean
}

/** A function with its own `this`. */
export interface FunctionNode extends Place {
  type: 'FunctionExpression' | 'FunctionDeclaration'
  id: Js | null
  params: Js[]
  body: BlockStatement
  async: boolean
  generator: boolean
}

interface ClassNode extends Place {
  type: 'ClassExpression' | 'ClassDeclaration'
  id: Js | null
  superClass: Js | null
  body: ClassBody
}

interface ClassBody extends Place {
  type: 'ClassBody'
  body: Js[]
}

interface MethodDefinition extends Place {
  type: 'MethodDefinition'
  kind: 'constructor' | 'method'
  key: Js
  value: FunctionNode
  computed: boolean
  static: boolean
}

interface PropertyDefinition extends Place {
  type: 'PropertyDefinition'
  key: Js
  value: Js | null
  computed: boolean
  static: boolean
}

interface Program extends Place {
  type: 'Program'
  sourceType: 'module'
  body: readonly Js[]
}

interface ExpressionStatement extends Place {
  type: 'ExpressionStatement'
  expression: Js
}

export interface BlockStatement extends Place {
  type: 'BlockStatement'
  body: Js[]
}

interface ReturnStatement extends Place {
  type: 'ReturnStatement'
  argument: Js | null
}

interface ThrowStatement extends Place {
  type: 'ThrowStatement'
  argument: Js
}

interface IfStatement extends Place {
  type: 'IfStatement'
  test: Js
  consequent: Js
  alternate: Js | null
}

interface JumpStatement extends Place {
  type: 'BreakStatement' | 'ContinueStatement'
  label?: null
}

interface SwitchStatement extends Place {
  type: 'SwitchStatement'
  discriminant: Js
  cases: Js[]
}

interface SwitchCase extends Place {
  type: 'SwitchCase'
  test: Js | null
  consequent: Js[]
}

interface TryStatement extends Place {
  type: 'TryStatement'
  block: Js
  handler: Js | null
  finalizer: Js | null
}

interface CatchClause extends Place {
  type: 'CatchClause'
  param: Js | null
  body: Js
}

interface WhileStatement extends Place {
  type: 'WhileStatement'
  test: Js
  body: Js
}

interface ForStatement extends Place {
  type: 'ForStatement'
  init: Js | null
  test: Js | null
  update: Js | null
  body: Js
}

interface ForInStatement extends Place {
  type: 'ForInStatement'
  left: Js
  right: Js
  body: Js
}

interface ForOfStatement extends Place {
  type: 'ForOfStatement'
  await: boolean
  left: Js
  right: Js
  body: Js
}

interface VariableDeclaration extends Place {
  type: 'VariableDeclaration'
  kind: string
  declarations: VariableDeclarator[]
}

export interface VariableDeclarator extends Place {
  type: 'VariableDeclarator'
  id: Js
  init: Js | null
}

interface ImportDeclaration extends Place {
  type: 'ImportDeclaration'
  specifiers: ImportSpecifier[]
  source: Js
  attributes: Js[]
}

export interface ImportSpecifier extends Place {
  type: 'ImportSpecifier' | 'ImportDefaultSpecifier' | 'ImportNamespaceSpecifier'
  local: Js
  imported?: Js
}

export interface ImportAttribute extends Place {
  type: 'ImportAttribute'
  key: Js
  value: Js
}

interface ExportNamedDeclaration extends Place {
  type: 'ExportNamedDeclaration'
  declaration: Js | null
  specifiers: Js[]
  source: Js | null
  attributes: Js[]
}

interface ExportSpecifier extends Place {
  type: 'ExportSpecifier'
  local: Js
  exported: Js
}

interface ExportDefaultDeclaration extends Place {
  type: 'ExportDefaultDeclaration'
  declaration: Js
}

interface ExportAllDeclaration extends Place {
  type: 'ExportAllDeclaration'
  exported: Js | null
  source: Js
  attributes: Js[]
}
