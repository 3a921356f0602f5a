import type { CompileOptions, CompileResult, SourceMap } from '../adapter.ts'
import { importsOf } from '../imports-of.ts'
import { withInlineMap } from '../inline-map.ts'

export interface ForeignResult {
  readonly code: string
  readonly map: Pick<SourceMap, 'names' | 'mappings'>
  readonly dts?: string | undefined
}

export interface AdapterResultContext {
  readonly source: string
  readonly filename: string
  readonly sourceMap: CompileOptions['sourceMap'] | undefined
}

/** Names a file beside the code, which may never be written. */
const LINK_TO_MAP = /\n\/\/# sourceMappingURL=\S+\s*$/

/** The result of another compiler as a `CompileResult`. */
export function adapterResult(foreign: ForeignResult, context: AdapterResultContext): CompileResult {
  const { source, filename, sourceMap } = context
  const code = foreign.code.replace(LINK_TO_MAP, '')
  const result = {
    code,
    dependencies: importsOf(code),
    ...(foreign.dts ? { dts: foreign.dts } : {}),
  }
  if (!sourceMap) return result
  const { names, mappings } = foreign.map
  const map: SourceMap = { version: 3, sources: [filename], sourcesContent: [source], names, mappings }
  return sourceMap === 'inline'
    ? { ...result, code: withInlineMap(result.code, map), map }
    : { ...result, map }
}
