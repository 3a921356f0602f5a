import { ExitCode } from '../exit-code.ts'
import { findInstance } from '../instance/find-instance.ts'
import { type Invocation, isOn } from '../invocation.ts'
import { plainEvent } from '../terminal/event-line.ts'
import { endWithReader } from '../terminal/end-with-reader.ts'

/** Prints what happens until the instance stops: from now on, or with `--past` from the oldest event that is kept. */
export async function events(invocation: Invocation): Promise<number> {
  const { client } = await findInstance(invocation, invocation.line.words[0])
  endWithReader()
  const json = isOn(invocation, 'json')
  const options = { follow: !isOn(invocation, 'no-follow'), ...(isOn(invocation, 'past') && { since: 0 }) }
  for await (const event of client.events(options)) {
    const line = json ? JSON.stringify(event) : `${new Date(event.atMs).toISOString()} ${plainEvent(event)}`
    invocation.terminal.data(line)
  }
  return ExitCode.done
}
