import { SchemaRegistry } from '@rip/schema'
import { compile } from '../../src/compiler/index.ts'

/** Runs a program in a scope with its own schema names, and returns the value of its last line. */
export function evaluate(source: string): unknown {
  const { code } = compile(source, { runtime: 'inline' })
  // oxlint-disable-next-line no-eval
  const run = (): unknown => (0, eval)(`(() => { "use strict"; return eval(${JSON.stringify(code)}) })()`)
  return SchemaRegistry.scope(run)
}
