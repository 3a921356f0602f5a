import { ExitCode } from '../exit-code.ts'
import { findInstance } from '../instance/find-instance.ts'
import { type Invocation, isOn } from '../invocation.ts'

/** Suspends reloads, by watcher and by command alike. */
export async function hold(invocation: Invocation): Promise<number> {
  const { client } = await findInstance(invocation, invocation.line.words[0])
  await client.hold()
  if (isOn(invocation, 'json')) invocation.terminal.data(JSON.stringify({ held: true }))
  else invocation.terminal.say('held: the code that serves now stays until "rip-server resume"')
  return ExitCode.done
}

/** Allows reloads again. */
export async function resume(invocation: Invocation): Promise<number> {
  const { client } = await findInstance(invocation, invocation.line.words[0])
  await client.resume()
  if (isOn(invocation, 'json')) invocation.terminal.data(JSON.stringify({ held: false }))
  else invocation.terminal.say('resumed: changes on disk are taken up again')
  return ExitCode.done
}
