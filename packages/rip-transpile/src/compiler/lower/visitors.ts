import { lowerAssign } from './assign-statement.ts'
import { assignedValue, merge, methodAssign, update } from './assignments.ts'
import { lowerCall, lowerDo, lowerNew } from './calls.ts'
import { lowerAsFunction, lowerBlock, lowerChoice, lowerTernary } from './choices.ts'
import { lowerClassStatement, lowerClassValue } from './classes.ts'
import { lowerEnum } from './enums.ts'
import { functionValue, lowerDef } from './functions.ts'
import { lowerGuard } from './guards.ts'
import { isGuard } from './kinds.ts'
import { lowerLoop, lowerWhile } from './loops.ts'
import type { ExpressionVisitors, StatementVisitors, Visitors } from './lowerer.ts'
import { lowerIndex, lowerMemberAccess } from './members.ts'
import { lowerExport, lowerImport } from './modules.ts'
import { lowerMap, lowerObject, objectLoop } from './objects.ts'
import {
  chain,
  lowerBinary,
  lowerExists,
  lowerLogical,
  lowerMatch,
  lowerPresence,
  lowerRegexIndex,
  lowerUnary,
  membership,
  pick,
  rangeArray,
  slice,
} from './operators.ts'
import { lowerReactive, lowerReactiveValue } from './reactive.ts'
import { lowerSchema } from './schema.ts'
import {
  lowerIf,
  lowerJump,
  lowerParenStatement,
  lowerReturn,
  lowerSwitch,
  lowerThrow,
  lowerTry,
} from './statements.ts'
import {
  embedded,
  lowerArray,
  lowerDynamicRegex,
  lowerErased,
  lowerKeyword,
  lowerName,
  lowerNumber,
  lowerParen,
  lowerRegex,
  lowerSpread,
  lowerSymbol,
  lowerTemplate,
  lowerText,
  tagged,
} from './values.ts'
import { lowerAwait, lowerYield } from './waiting.ts'

const expressions: ExpressionVisitors = {
  Arr: lowerArray,
  Assign: assignedValue,
  Await: lowerAwait,
  Binary: lowerBinary,
  Block: lowerBlock,
  Call: lowerCall,
  Chain: chain,
  Class: lowerClassValue,
  Do: lowerDo,
  DynamicRegex: lowerDynamicRegex,
  Enum: lowerAsFunction,
  Erased: lowerErased,
  Exists: lowerExists,
  Export: lowerAsFunction,
  ExportAll: lowerAsFunction,
  ExportDefault: lowerAsFunction,
  ExportNames: lowerAsFunction,
  Fn: functionValue,
  For: lowerAsFunction,
  Id: lowerName,
  If: lowerChoice,
  Import: lowerAsFunction,
  In: membership,
  Index: lowerIndex,
  Jump: lowerAsFunction,
  Keyword: lowerKeyword,
  Logical: lowerLogical,
  MapLit: lowerMap,
  Match: lowerMatch,
  Member: lowerMemberAccess,
  Merge: merge,
  MethodAssign: methodAssign,
  New: lowerNew,
  Num: lowerNumber,
  Obj: lowerObject,
  ObjFor: objectLoop,
  Paren: lowerParen,
  Pick: pick,
  Presence: lowerPresence,
  Range: rangeArray,
  Raw: embedded,
  Reactive: lowerReactiveValue,
  Regex: lowerRegex,
  RegexIndex: lowerRegexIndex,
  Return: lowerAsFunction,
  Schema: lowerSchema,
  Slice: slice,
  Spread: lowerSpread,
  Str: lowerText,
  Switch: lowerAsFunction,
  Symbol: lowerSymbol,
  Tagged: tagged,
  Template: lowerTemplate,
  Ternary: lowerTernary,
  Throw: lowerAsFunction,
  Try: lowerAsFunction,
  Unary: lowerUnary,
  Update: update,
  While: lowerAsFunction,
  Yield: lowerYield,
}

/** Nodes that are statements in JavaScript, always or sometimes. */
const statements: StatementVisitors = {
  Assign: lowerAssign,
  Block: (l, node, sink) => l.statements(node.body, sink),
  Class: lowerClassStatement,
  Enum: lowerEnum,
  Erased: () => [],
  Export: lowerExport,
  ExportAll: lowerExport,
  ExportDefault: lowerExport,
  ExportNames: lowerExport,
  Fn: lowerDef,
  For: lowerLoop,
  If: (l, node, sink) => [lowerIf(l, node, sink)],
  Import: lowerImport,
  Jump: lowerJump,
  Logical: (l, node, sink) => (isGuard(node) ? lowerGuard(l, node, sink) : undefined),
  Paren: lowerParenStatement,
  Reactive: lowerReactive,
  Return: lowerReturn,
  Switch: lowerSwitch,
  Throw: lowerThrow,
  Try: (l, node, sink) => [lowerTry(l, node, sink)],
  While: lowerWhile,
}

/** The function that lowers each kind of node. The files of this folder use each other only through this table. */
export const visitors: Visitors = { expressions, statements }
