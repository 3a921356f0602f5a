import type { RequestFailure, RequestsStatus, RequestUnderWay } from '@rip/manager'
import { logLine } from '@rip/server/text'
import { CliError } from '../errors.ts'
import { ExitCode } from '../exit-code.ts'
import { findInstance } from '../instance/find-instance.ts'
import { RequestLog } from '../instance/request-log.ts'
import { type Invocation, isOn } from '../invocation.ts'
import { failureText, phaseText } from '../terminal/request-tables.ts'
import { durationText } from '../terminal/quantity-text.ts'
import { table } from '../terminal/table.ts'

/** Shows what is known of one request: by the balancers, if it is in flight or failed lately, and in the log. */
export async function trace(invocation: Invocation): Promise<number> {
  const { line, terminal } = invocation
  const [id = '', app] = line.words
  const { instance, client } = await findInstance(invocation, app)
  const requests = await client.requests()
  const lines = (await RequestLog.read(instance.runDir)).linesOf(id)
  const facts = factsOf(requests, id)
  if (facts === undefined && lines.length === 0) throw new CliError('NO_REQUEST', { id })
  if (isOn(invocation, 'json')) {
    terminal.data(JSON.stringify({ ...facts, lines }, null, 2))
    return ExitCode.done
  }
  if (facts !== undefined) terminal.data(table(rowsOf(facts)).join('\n'))
  if (isAnswered(facts) && lines.length === 0) terminal.data(`\n${NOT_LOGGED}`)
  const logged = lines.map((record) => logLine(record, 'text', terminal.colorsData))
  if (logged.length > 0)
    terminal.data(['', 'in the log', ...logged].slice(facts === undefined ? 1 : 0).join('\n'))
  return ExitCode.done
}

/** As Express and others do it, which answer errors themselves. */
const NOT_LOGGED =
  'no line of the log has this id: the application answered, and what it printed is in "rip-server logs"'

type Facts = { readonly underWay: RequestUnderWay } | { readonly failure: RequestFailure }

/** Whether the failure is an answer that the worker gave. */
function isAnswered(facts: Facts | undefined): boolean {
  return facts !== undefined && 'failure' in facts && facts.failure.cause === 'completed'
}

function factsOf({ underWay, failures }: RequestsStatus, id: string): Facts | undefined {
  const request = underWay.find(({ requestId }) => requestId === id)
  if (request !== undefined) return { underWay: request }
  const failure = failures.find(({ requestId }) => requestId === id)
  return failure && { failure }
}

function rowsOf(facts: Facts): string[][] {
  const { method, path, worker, generation } = 'failure' in facts ? facts.failure : facts.underWay
  const where = [
    ['request', `${method} ${path}`],
    ['worker', worker ?? 'none'],
    ['code', generation ?? 'none'],
  ]
  if ('failure' in facts) {
    const { atMs, tookMs } = facts.failure
    return [
      ...where,
      ['began', new Date(atMs).toISOString()],
      ['failed', `${failureText(facts.failure)}, after ${durationText(tookMs)}`],
    ]
  }
  const { ageMs, phase } = facts.underWay
  return [...where, ['in flight', `for ${durationText(ageMs)}; it ${phaseText(phase)}`]]
}
