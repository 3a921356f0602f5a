import { isAbsolute, sep } from 'node:path'
import { OWN_FOLDER } from '../own-folder.ts'
import { nodeName } from './node-name.ts'

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

/** The parts of an error that are text. */
export type ErrorText = Pick<Error, 'name' | 'message' | 'stack'>

/**
 * The frames of an error's `stack`, without those of this package and lines that name no place. The text begins with
 * the message, which may repeat what a client sent and look like frames: only the text after it counts.
 */
export function parseStack(error: ErrorText): readonly StackFrame[] {
  return frameLines(error).flatMap((line) => {
    const parts = FRAME.exec(nodeName(line))?.groups
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

/** The lines at the end of the stack; before them may stand a name, or a message that was changed since. */
function frameLines({ message, stack = '' }: ErrorText): readonly string[] {
  const start = stack.indexOf(message)
  const behind = start < 0 ? stack : stack.slice(start + message.length)
  const lines = behind.trimEnd().split('\n')
  const other = lines.findLastIndex((line) => !/^\s*at /.test(line))
  return lines.slice(other + 1)
}

function isApplicationFile(file: string): boolean {
  return isAbsolute(file) && !file.includes(`${sep}node_modules${sep}`)
}
