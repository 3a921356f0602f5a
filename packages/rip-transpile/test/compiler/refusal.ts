import { CompileError } from '../../src/compile-error.ts'
import { compile } from '../../src/compiler/index.ts'

/** Why the compiler refuses a source. @throws Error for one that it accepts */
export function refusal(source: string): CompileError {
  try {
    compile(source)
  } catch (error) {
    if (error instanceof CompileError) return error
    throw error
  }
  throw new Error('The source was accepted.')
}
