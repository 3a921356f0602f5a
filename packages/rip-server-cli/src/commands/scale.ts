import { MAX_WORKERS } from '@rip/server/settings'
import { CliError } from '../errors.ts'
import { ExitCode } from '../exit-code.ts'
import { findInstance } from '../instance/find-instance.ts'
import { type Invocation, isOn } from '../invocation.ts'

/** Sets the number of workers, or changes it by a number with a sign. */
export async function scale(invocation: Invocation): Promise<number> {
  const [amount = '', app] = invocation.line.words
  if (!/^[+-]?\d+$/.test(amount)) throw unusable(amount)
  const { client, snapshot } = await findInstance(invocation, app)
  const workers = /^\d/.test(amount) ? Number(amount) : snapshot.wantedWorkers + Number(amount)
  if (workers < 1 || workers > MAX_WORKERS) throw unusable(amount)
  await client.scale(workers)
  if (isOn(invocation, 'json')) invocation.terminal.data(JSON.stringify({ workers }))
  else invocation.terminal.say(`${snapshot.wantedWorkers} → ${workers} workers`)
  return ExitCode.done
}

function unusable(amount: string): CliError {
  const problem = `expected 1 to ${MAX_WORKERS} workers, as N, +N or -N, got "${amount}"`
  return new CliError('USAGE', { problems: [problem], help: 'rip-server scale --help' })
}
