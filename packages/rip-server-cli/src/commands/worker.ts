import { fileURLToPath } from 'node:url'
import { formatListenAddress } from '@rip/manager'
import { type Invocation, invocationSettings } from '../invocation.ts'
import { listenAddress } from '../serve/listen-address.ts'
import { locateEntry } from '../serve/app-location.ts'

/** Serves the application in this process: from here on it is the worker program. Never resolves. */
export async function worker(invocation: Invocation): Promise<number> {
  const { settings } = await invocationSettings(invocation, 'development', invocation.line.words[0])
  // What the user has not said is development, as for the `.env` files that were read when this process started.
  if ((process.env['NODE_ENV'] ?? '') === '') process.env['NODE_ENV'] = 'development'
  const mode = process.env['NODE_ENV'] === 'production' ? 'production' : 'development'
  const program = fileURLToPath(import.meta.resolve('@rip/worker/main'))
  const listen = formatListenAddress(listenAddress(settings, 'development'))
  const flags = ['--listen', listen, '--concurrency', String(settings.concurrency)]
  process.argv = [process.execPath, program, locateEntry(settings.app).file, ...flags, '--mode', mode]
  await import(program)
  return 0
}
