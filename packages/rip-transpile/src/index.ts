export { CompileError, codeFrame, positionAt } from './compile-error.ts'
export type { CompileErrorDetail } from './compile-error.ts'
export type {
  Adapter,
  CompileOptions,
  CompileResult,
  Dialect,
  RuntimeDelivery,
  SourceMap,
} from './adapter.ts'
