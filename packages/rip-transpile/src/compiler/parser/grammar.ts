import { rejectForeignLine } from './diagnostics.ts'
import { parseRightSide } from './assignments.ts'
import {
  parseAssignedValue,
  parseBracketedValue,
  parseExpression,
  parseUnary,
  parseValue,
} from './expressions.ts'
import type { Grammar } from './parser.ts'
import { parsePrimary } from './primaries.ts'
import { parseBlock, parseBody, parseInlineBlock, parseStatement } from './statements.ts'

export const grammar: Grammar = {
  statement: parseStatement,
  indentedBlock: parseBlock,
  inlineBlock: parseInlineBlock,
  body: parseBody,
  expression: parseExpression,
  value: parseValue,
  bracketedValue: parseBracketedValue,
  rightSide: parseRightSide,
  assignedValue: parseAssignedValue,
  unary: parseUnary,
  primary: parsePrimary,
  rejectForeignLine,
}
