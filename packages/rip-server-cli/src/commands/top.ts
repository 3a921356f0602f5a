import { ControlClient, type Instance } from '@rip/manager'
import { durationMs, Unacceptable, unacceptableText } from '@rip/server/settings'
import { CliError } from '../errors.ts'
import { ExitCode } from '../exit-code.ts'
import { findInstance } from '../instance/find-instance.ts'
import { RequestLog } from '../instance/request-log.ts'
import { flagValue, type Invocation, isOn } from '../invocation.ts'
import { endWithReader } from '../terminal/end-with-reader.ts'
import { figuresObject, silenceObject } from '../top/figures-line.ts'
import { LiveView } from '../top/live-view.ts'
import { Watcher } from '../top/watcher.ts'
import { knownRequests, statusText } from './status.ts'

const DEFAULT_INTERVAL_MS = 1_000
const MIN_INTERVAL_MS = 100
const MAX_INTERVAL_MS = 3_600_000

/**
 * Shows what an instance does, until a key or a signal ends it: a screen with keys, with `--json` one object a line, and one
 * page where standard output is no terminal.
 */
export async function top(invocation: Invocation): Promise<number> {
  const intervalMs = intervalOf(invocation)
  const { instance, client, snapshot } = await findInstance(invocation, invocation.line.words[0])
  const { terminal } = invocation
  endWithReader()
  if (isOn(invocation, 'json')) return await stream(invocation, instance, intervalMs)
  if (process.stdout.isTTY !== true || invocation.env['TERM'] === 'dumb') {
    terminal.data(statusText(instance, snapshot, terminal, [], await knownRequests(client)))
    return ExitCode.done
  }
  const view = new LiveView({
    client,
    intervalMs,
    colored: terminal.colorsData,
    readLog: async (id) =>
      (await RequestLog.read(instance.runDir)).linesOf(id).map(({ text }) => Bun.stripANSI(text)),
  })
  return await view.run()
}

/** One object a line for each look, until a signal or the end of the reader ends it. */
async function stream(
  { terminal }: Invocation,
  { name, control }: Instance,
  intervalMs: number,
): Promise<number> {
  const told = new Set<string>()
  const show = (): void => {
    const { data, events, trouble } = watcher
    if (trouble !== undefined) return terminal.data(JSON.stringify(silenceObject(name, trouble, Date.now())))
    if (data === undefined) return
    terminal.data(JSON.stringify(figuresObject(data, events, told)))
    told.clear()
    for (const { requestId } of data.sample.requests?.failures ?? []) told.add(requestId)
  }
  const watcher = new Watcher({ client: new ControlClient(control), intervalMs, onLook: show })
  await watcher.run()
  return ExitCode.done
}

/** @throws CliError `USAGE` */
function intervalOf(invocation: Invocation): number {
  const text = flagValue(invocation, 'interval')
  if (text === undefined) return DEFAULT_INTERVAL_MS
  try {
    const intervalMs = durationMs(text)
    if (intervalMs >= MIN_INTERVAL_MS && intervalMs <= MAX_INTERVAL_MS) return intervalMs
    throw new Unacceptable('a duration from 100ms to 1h')
  } catch (error) {
    if (!(error instanceof Unacceptable)) throw error
    const problem = `--interval: ${unacceptableText(error, text)}`
    throw new CliError('USAGE', { problems: [problem], help: 'rip-server top --help' })
  }
}
