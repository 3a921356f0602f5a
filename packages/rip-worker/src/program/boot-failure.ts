import { reasonOf, WorkerError, type WorkerErrorCode } from '../errors.ts'
import type { BootFailure, BootFailureKind } from '../protocol.ts'
import type { FailureReport } from '../pages/failure-report.ts'

/** Each text of a failure has to fit into a message to the supervisor, whatever the application put into its error. */
const MAX_TEXT_LENGTH = 16_384

const kinds: Partial<Record<WorkerErrorCode, BootFailureKind>> = {
  RIP_APP_NOT_FOUND: 'not-found',
  RIP_APP_MISSING: 'not-found',
  RIP_APP_AMBIGUOUS: 'not-found',
  RIP_APP_NOT_BUILT: 'not-found',
  RIP_APP_COMMAND: 'not-found',
  RIP_APP_PAGE: 'not-found',
  RIP_BACKGROUND_MISSING: 'not-found',
  RIP_PACKAGE_UNREADABLE: 'not-found',
  RIP_APP_COMPILE: 'compile',
  RIP_APP_IMPORT: 'import',
  RIP_LOADER_FAILED: 'import',
  RIP_APP_NO_HANDLER: 'no-handler',
  RIP_APP_OWN_PORT: 'own-port',
  RIP_APP_FOREIGN_SERVER: 'own-port',
  RIP_APP_CLUSTER: 'no-handler',
  RIP_PAGE_FAILED: 'compile',
  RIP_READY_FAILED: 'ready-hook',
}

/** What stopped a worker from serving, with the place in the application's source if there is one. */
export async function bootFailureOf(error: unknown): Promise<BootFailure> {
  const kind = kinds[ownErrorOf(error)?.code ?? 'RIP_LISTEN_FAILED'] ?? 'socket'
  const report = await reportCause(error)
  const file = report?.position?.file ?? fileOf(error)
  const position = report?.position
  return {
    kind,
    message: shortened(reasonOf(error)),
    ...(file !== undefined && { file }),
    ...(position && { line: position.line, column: position.column }),
    ...(report?.frame !== undefined && { frame: shortened(report.frame) }),
    ...(report !== undefined && { stack: shortened(stackOf(report)) }),
  }
}

/** The text for a person: the sentence, the source around the place, and where it was called from. */
export function formatBootFailure(failure: BootFailure): string {
  const place = failure.line === undefined ? '' : `\n\n${failure.file}:${failure.line}:${failure.column}`
  const frame = failure.frame === undefined ? '' : `\n${failure.frame}`
  const stack = failure.kind === 'compile' || failure.stack === undefined ? '' : `\n\n${failure.stack}`
  return `error: ${failure.message}${place}${frame}${stack}\n`
}

/** 4 when the application could not be compiled or loaded, 3 when the worker failed otherwise. */
export function exitCodeOf(failure: BootFailure): number {
  return failure.kind === 'ready-hook' || failure.kind === 'socket' ? 3 : 4
}

/** The worker's error says what happened; its cause says where, unless that is outside the application. */
async function reportCause(error: unknown): Promise<FailureReport | undefined> {
  const own = ownErrorOf(error)
  const cause = own === undefined ? error : own.cause
  if (cause === undefined || own?.code === 'RIP_LISTEN_FAILED' || own?.code === 'RIP_CONTROL_FAILED')
    return undefined
  try {
    const { reportFailure } = await import('../pages/failure-report.ts')
    return reportFailure(cause)
  } catch {
    // The installation itself is broken; the message has to suffice.
    return undefined
  }
}

/** So much of it that a message to the supervisor holds it. */
export function shortened(text: string): string {
  const more = text.length - MAX_TEXT_LENGTH
  return more <= 0 ? text : `${text.slice(0, MAX_TEXT_LENGTH)}… (${more} more characters)`
}

function fileOf(error: unknown): string | undefined {
  const detail = ownErrorOf(error)?.detail
  return detail !== undefined && 'file' in detail ? detail.file : undefined
}

/** The stack without frames of the worker, and the causes. */
export function stackOf(report: FailureReport): string {
  const frames = report.stack.map(
    ({ call, file, line, column }) => `    at ${call || '(module)'} (${file}:${line}:${column})`,
  )
  const cause = report.cause === undefined ? [] : [`caused by ${stackOf(report.cause)}`]
  return [`${report.name}: ${report.message}`, ...frames, ...cause].join('\n')
}

function ownErrorOf(error: unknown): WorkerError | undefined {
  return error instanceof WorkerError ? error : undefined
}
