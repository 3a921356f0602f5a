import { reportFailure } from '../pages/failure-report.ts'
import type { BootFailure } from '../protocol.ts'
import { shortened, stackOf } from './boot-failure.ts'

/**
 * What was thrown outside of a request, with the place in the application's source if there is one.
 *
 * @param root only source files below this folder are shown
 */
export function uncaughtFailure(error: unknown, root: string): BootFailure {
  const report = reportFailure(error, { root })
  const { name, message, position, frame } = report
  return {
    kind: 'uncaught',
    message: shortened(`${name}: ${message}`),
    ...(position && { file: position.file, line: position.line, column: position.column }),
    ...(frame !== undefined && { frame: shortened(frame) }),
    stack: shortened(stackOf(report)),
  }
}
