import { type Instance, readInstance } from '@rip/manager'
import { CliError } from '../errors.ts'
import { ExitCode } from '../exit-code.ts'
import { findInstance } from '../instance/find-instance.ts'
import { type Invocation, isOn } from '../invocation.ts'
import { withTimeout } from './change.ts'

const GONE_POLL_MS = 10

/** Finishes requests in flight, then ends every process of the instance. */
export async function stop(invocation: Invocation): Promise<number> {
  const { client, instance, snapshot } = await findInstance(invocation, invocation.line.words[0])
  const report = await withTimeout(invocation, 'stop', async (signal) => {
    const answer = await client.stop({ now: isOn(invocation, 'now'), signal })
    await untilGone(instance, signal)
    return answer
  })
  if (isOn(invocation, 'json')) invocation.terminal.data(JSON.stringify(report))
  if (report.abandoned > 0) throw new CliError('DRAIN_INCOMPLETE', { abandoned: report.abandoned })
  // One that only works in the background is asked nothing.
  const result = snapshot.wantedWorkers === 0 ? '' : '; every request was answered'
  invocation.terminal.say(`${snapshot.name} has stopped${result}`)
  return ExitCode.done
}

/** Waits for the end of the process itself, because the next command may be a start with the same address. */
async function untilGone({ runDir }: Instance, signal: AbortSignal): Promise<void> {
  while (readInstance(runDir) !== undefined) {
    signal.throwIfAborted()
    await Bun.sleep(GONE_POLL_MS)
  }
}
