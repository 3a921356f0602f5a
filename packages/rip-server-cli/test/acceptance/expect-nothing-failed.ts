import { expect } from 'bun:test'
import type { LoadReport } from '@rip/testing'
import { figure } from './scenario.ts'

/** Expects that requests were sent and that none failed. */
export function expectNothingFailed({ sent, failed, examples }: LoadReport): void {
  expect(sent, 'no request was sent').toBeGreaterThan(0)
  expect(failed, examples.join('; ')).toBe(0)
  figure(`${failed} failed of ${sent}`)
}
