import type { LoadReport } from '../chaos/load.ts'
import type { Verdict } from './verdict.ts'

/** Not one failed request, and some were sent at all. */
export function expectNothingFailed(verdict: Verdict, report: LoadReport): void {
  verdict.expect(report.sent > 0, 'no request was sent')
  verdict.expect(report.failed === 0, `${report.failed} failed: ${report.examples.join('; ')}`)
  verdict.figure(`${report.failed} failed of ${report.sent}`)
}
