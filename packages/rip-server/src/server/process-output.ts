import {
  type ChildLine,
  createSpawner,
  type OomWatch,
  plainLossLine,
  type ProcessSpawner,
} from '@rip/manager'
import type { ChildOutput } from '../output/child-output.ts'
import type { LogFile } from '../output/log-file.ts'
import { logLine, recordOf } from '../output/log-record.ts'
import type { ServerPlan } from './server-plan.ts'
import { isWarm } from './is-warm.ts'

/** Where lines of children go, besides to where the plan says. */
export interface ProcessOutputOptions {
  /** Decides when a line is printed. */
  readonly output: ChildOutput
  /** Gets every line. */
  readonly log: LogFile
  /** Knows what the kernel killed for want of memory. */
  readonly oom: OomWatch
}

/** Starts processes, and prints what they write. */
export function openSpawner(plan: ServerPlan, { output, log, oom }: ProcessOutputOptions): ProcessSpawner {
  const { logFormat, color } = plan
  return createSpawner({
    ...(plan.output && { stdout: plan.output }),
    ...(plan.errorOutput && { stderr: plan.errorOutput }),
    format: (line) =>
      logFormat === 'raw' ? line.bytes : logLine(recordOf(line, Date.now()), logFormat, color),
    lossLine: (dropped) => lossLine(dropped, plan),
    standby: isWarm(plan),
    oom,
    route: (line, origin) => output.route(line, origin),
    onLine: (line) => log.write(recordOf(line, Date.now())),
  })
}

/** A line of the access log as the balancer wrote it; wrapped when it has to be an object and is none. */
export function accessLine(line: ChildLine, { logFormat }: ServerPlan): string {
  if (logFormat !== 'json' || line.text.startsWith('{')) return line.text
  return logLine(recordOf(line, Date.now()), logFormat, false)
}

/** What is printed in the place of lines that were lost; nothing with `raw`, which prints only what was written. */
function lossLine(droppedLines: number, { logFormat, warn }: ServerPlan): string | undefined {
  const message = plainLossLine(droppedLines)
  if (logFormat === 'text') return message
  if (logFormat === 'raw') {
    warn(message)
    return undefined
  }
  return JSON.stringify({ time: new Date().toISOString(), level: 'warn', message })
}
