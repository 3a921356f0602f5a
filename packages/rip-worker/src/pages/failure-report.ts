import { readFileSync, realpathSync } from 'node:fs'
import { isAbsolute, relative, sep } from 'node:path'
import { codeFrame } from '@rip/transpile'
import { missingImport } from './missing-import.ts'
import { parseStack, type StackFrame } from './stack-frames.ts'

/** A longer chain of causes is a cycle, or too long to be read. */
const MAX_CAUSES = 5

export interface SourcePosition {
  readonly file: string
  readonly line: number
  readonly column: number
}

/** What a developer needs to know about something that was thrown. */
export interface FailureReport {
  readonly name: string
  readonly message: string
  /** Where it comes from, in the file the application's author wrote. */
  readonly position?: SourcePosition
  /** The lines around that position with a mark under it, as plain text. */
  readonly frame?: string
  readonly stack: readonly StackFrame[]
  readonly cause?: FailureReport
}

export interface ReportOptions {
  /** Only source files below this folder are shown. @default every file */
  readonly root?: string | undefined
}

export function reportFailure(
  thrown: unknown,
  options: ReportOptions = {},
  depth: number = 0,
): FailureReport {
  if (!(thrown instanceof Error)) return reportValue(thrown)
  const stack = parseStack(thrown)
  const position = ownPosition(thrown) ?? missingImport(thrown) ?? firstOfApplication(stack)
  const frame = ownFrame(thrown) ?? (position && frameAt(position, options))
  return {
    name: thrown.name,
    message: ownReason(thrown) ?? thrown.message,
    stack,
    ...(position && { position }),
    ...(frame !== undefined && { frame }),
    ...(thrown.cause !== undefined &&
      depth < MAX_CAUSES && { cause: reportFailure(thrown.cause, options, depth + 1) }),
  }
}

function reportValue(value: unknown): FailureReport {
  const message = `${Bun.inspect(value)} was thrown; throw an Error to see where`
  return { name: 'Thrown value', message, stack: [] }
}

/**
 * Errors of compilers carry their place in the source: the Rip compiler's in fields, Bun's `BuildMessage` in
 * `position`.
 */
function ownPosition(error: Error): SourcePosition | undefined {
  const { position, filename, line, column } = error as Partial<{
    position: { file?: unknown; line?: unknown; column?: unknown } | null
    filename: unknown
    line: unknown
    column: unknown
  }>
  return asPosition(filename, line, column) ?? asPosition(position?.file, position?.line, position?.column)
}

function asPosition(file: unknown, line: unknown, column: unknown): SourcePosition | undefined {
  if (typeof file !== 'string' || typeof line !== 'number' || typeof column !== 'number') return undefined
  return { file, line, column }
}

function ownFrame(error: Error): string | undefined {
  return 'frame' in error && typeof error.frame === 'string' ? error.frame : undefined
}

function ownReason(error: Error): string | undefined {
  return 'reason' in error && typeof error.reason === 'string' ? error.reason : undefined
}

function firstOfApplication(stack: readonly StackFrame[]): SourcePosition | undefined {
  return stack.find((frame) => frame.isApplication)
}

function frameAt({ file, line, column }: SourcePosition, { root }: ReportOptions): string | undefined {
  try {
    if (root !== undefined && !isBelow(root, file)) return undefined
    return codeFrame(readFileSync(file, 'utf8'), line, column, 1)
  } catch {
    // ENOENT: the file was removed since, or never existed outside a bundle.
    return undefined
  }
}

/** Compares real paths. Hidden files and folders, such as `.env`, count as outside. */
function isBelow(root: string, file: string): boolean {
  const path = relative(realpathSync(root), realpathSync(file))
  return !isAbsolute(path) && path.split(sep).every((part) => !part.startsWith('.'))
}
