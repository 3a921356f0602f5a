import type { SourceMap } from './adapter.ts'

/** Code that carries its source map in its last line. */
export function withInlineMap(code: string, map: SourceMap): string {
  const base64 = Buffer.from(JSON.stringify(map)).toString('base64')
  return `${code.trimEnd()}\n//# sourceMappingURL=data:application/json;base64,${base64}\n`
}
