/** Which meaning wins where two versions of the Rip language disagree. */
export type Dialect = 3 | 4

/** Where emitted code finds the language's runtime: imported modules, or pasted once into the output. */
export type RuntimeDelivery = 'import' | 'inline'

export interface CompileOptions {
  /** Path used in messages and source maps. @default 'unknown.rip' */
  readonly filename?: string
  /** `true` fills `map`; `'inline'` also appends it to the code as a comment. @default false */
  readonly sourceMap?: boolean | 'inline'
  /** @default 'import' */
  readonly runtime?: RuntimeDelivery
  /** @default 4 */
  readonly dialect?: Dialect
  /**
   * Whether a function that ends by calling another one stays in the trace of an error there. JavaScriptCore drops its
   * frame otherwise, which is a little faster. @default false
   */
  readonly keepFrames?: boolean
  /** Whether to declare the module's types. @default where the source carries types */
  readonly dts?: boolean
}

/** A source map, version 3 (ECMA-426). */
export interface SourceMap {
  readonly version: 3
  readonly file?: string
  readonly sources: readonly string[]
  readonly sourcesContent?: readonly (string | null)[]
  readonly names: readonly string[]
  readonly mappings: string
}

export interface CompileResult {
  /** JavaScript, an ES module. */
  readonly code: string
  readonly map?: SourceMap
  /** Text of a declaration file. */
  readonly dts?: string
  /** Specifiers of the modules the source imports. */
  readonly dependencies: readonly string[]
}

/** A compiler behind one interface. Its errors become `CompileError`. */
export interface Adapter {
  readonly name: string
  /** Version of the compiler; part of the cache key. */
  readonly version: string
  /** File endings with the dot, such as `.rip`. */
  readonly extensions: readonly string[]
  compile(source: string, options?: CompileOptions): CompileResult | Promise<CompileResult>
}
