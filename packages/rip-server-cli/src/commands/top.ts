import { ExitCode } from '../exit-code.ts'
import { findInstance } from '../instance/find-instance.ts'
import type { Invocation } from '../invocation.ts'
import { knownRequests, statusText } from './status.ts'
import { endWithReader } from '../terminal/end-with-reader.ts'

const REFRESH_MS = 1_000

/**
 * Shows the workers, refreshed each second; one page when standard output is no terminal. Ends when the instance does.
 */
export async function top(invocation: Invocation): Promise<number> {
  const { instance, client, snapshot } = await findInstance(invocation, invocation.line.words[0])
  const { terminal } = invocation
  if (process.stdout.isTTY !== true) {
    terminal.data(statusText(instance, snapshot, terminal, [], await knownRequests(client)))
    return ExitCode.done
  }
  endWithReader()
  for (;;) {
    const [current, requests] = await Promise.all([client.status(), knownRequests(client)])
    terminal.clear()
    terminal.data(statusText(instance, current, terminal, [], requests))
    await Bun.sleep(REFRESH_MS)
  }
}
