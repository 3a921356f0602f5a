import { ExitCode } from '../exit-code.ts'
import { findInstance } from '../instance/find-instance.ts'
import { momentOf } from '../instance/since.ts'
import { follows, type Invocation, isOn, readFlag } from '../invocation.ts'
import { plainEvent } from '../terminal/event-line.ts'
import { endWithReader } from '../terminal/end-with-reader.ts'

/**
 * Prints what happens until the instance stops: from now on, with `--since` from then on, or with `--past` from the oldest event
 * that is kept.
 */
export async function events(invocation: Invocation): Promise<number> {
  const sinceMs = readFlag(invocation, 'since', (text) => momentOf(text, Date.now()))
  const follow = follows(invocation)
  const { client } = await findInstance(invocation, invocation.line.words[0])
  endWithReader()
  const json = isOn(invocation, 'json')
  const looksBack = isOn(invocation, 'past') || sinceMs !== undefined
  let isFirst = true
  for await (const event of client.events({ follow, ...(looksBack && { since: 0 }) })) {
    const begins = new Date(event.atMs).toISOString()
    // They are numbered from 1.
    if (isFirst && looksBack && event.seq > 1 && event.atMs > (sinceMs ?? 0))
      invocation.terminal.say(`what is kept begins at ${begins}`)
    isFirst = false
    if (event.atMs < (sinceMs ?? 0)) continue
    invocation.terminal.data(json ? JSON.stringify(event) : `${begins} ${plainEvent(event)}`)
  }
  return ExitCode.done
}
