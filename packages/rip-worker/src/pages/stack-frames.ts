import { dirname, isAbsolute, sep } from 'node:path'

export interface StackFrame {
  /** Name of the function, empty at the top level of a module. */
  readonly call: string
  readonly file: string
  readonly line: number
  readonly column: number
  /** Whether the file belongs to the application rather than to a package or the runtime. */
  readonly isApplication: boolean
}

const FRAME = /^\s*at (?:(?<call>.*?) \()?(?<file>[^()]+?):(?<line>\d+):(?<column>\d+)\)?$/

const OWN_FOLDER = dirname(import.meta.dir) + sep

/** The frames of an error's `stack`, without those of this package and lines that name no place. */
export function parseStack(stack: string): readonly StackFrame[] {
  return stack.split('\n').flatMap((line) => {
    const parts = FRAME.exec(line)?.groups
    const file = parts?.['file'] ?? ''
    if (parts === undefined || file.startsWith(OWN_FOLDER)) return []
    return {
      call: parts['call'] ?? '',
      file,
      line: Number(parts['line']),
      column: Number(parts['column']),
      isApplication: isApplicationFile(file),
    }
  })
}

function isApplicationFile(file: string): boolean {
  return isAbsolute(file) && !file.includes(`${sep}node_modules${sep}`)
}
