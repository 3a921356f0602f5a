export { compile } from './compile.ts'
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
export { bunModule } from './bun-module.ts'
export { install } from './loader.ts'
export type { InstallOptions } from './loader.ts'
export { ripPlugin } from './plugin.ts'
export type { PluginOptions } from './plugin.ts'
export { DEFAULT_ADAPTER, selectAdapter } from './select-adapter.ts'
export type { AdapterName, SelectAdapterOptions } from './select-adapter.ts'
export { globals } from './runtime/globals.ts'
export type { GlobalName } from './runtime/globals.ts'
export { importersOf } from './graph/importers-of.ts'
export { compileTo } from './command/compile-to.ts'
export type { CompileEvent, CompileIo, CompileToOptions, CompileToResult } from './command/compile-to.ts'
export type { BuildFailure, BuildReport } from './snapshot/build-report.ts'
