import { fileURLToPath } from 'node:url'
import { formatListenAddress, type ListenAddress } from '@rip/manager'
import type { Entry } from '@rip/worker'
import { type Command, commandText, ServerError } from '@rip/server/settings'
import {
  childEnvironment,
  foundByText,
  listenAddress,
  locateApp,
  locateEntry,
  staticFolders,
} from '@rip/server/sources'
import { nearPath } from '@rip/server/text'
import { type Invocation, invocationSettings } from '../invocation.ts'

/** Serves the application in this process: from here on this process is the worker program. Never resolves. */
export async function worker(invocation: Invocation): Promise<number> {
  const { settings } = await invocationSettings(invocation, 'development', invocation.line.words[0])
  refuseCommand(settings.command)
  const { root } = locateApp(settings.app)
  const { cwd, env } = invocation
  Object.assign(process.env, childEnvironment(env, { root, cwd, mode: 'development' })())
  const mode = process.env['NODE_ENV'] === 'production' ? 'production' : 'development'
  const program = fileURLToPath(import.meta.resolve('@rip/worker/main'))
  const address = listenAddress(settings, 'development')
  refuseAccess(address)
  const listen = formatListenAddress(address)
  const flags = ['--listen', listen, '--concurrency', String(settings.concurrency)]
  const entry = locateEntry(settings.app)
  tellFound(entry, invocation)
  const folders = [...staticFolders(settings.static), ...(entry.static ?? [])]
  if (folders.length > 0) process.env['RIP_STATIC'] = JSON.stringify(folders)
  process.argv = [process.execPath, program, entry.file, ...flags, '--mode', mode]
  await import(program)
  // The program ends the process.
  return await new Promise<never>(() => {})
}

/** @throws ServerError `CONFIG_INVALID` */
function refuseCommand(command: Command | undefined): void {
  if (command === undefined) return
  const problem = `a worker alone serves an application that it loads; this one is run by a command: run ${commandText(command)} itself`
  throw new ServerError('CONFIG_INVALID', { problems: [problem] })
}

function tellFound(entry: Entry, { cwd, terminal }: Invocation): void {
  const foundBy = foundByText(entry)
  if (foundBy !== undefined) terminal.say(`${nearPath(entry.file, cwd)}  ${terminal.faint(foundBy)}`)
}

/**
 * Refuses access settings for the socket of a single worker, which the runtime makes.
 *
 * @throws ServerError `CONFIG_INVALID`
 */
function refuseAccess(address: ListenAddress): void {
  if (!('unix' in address) || (address.mode === undefined && address.gid === undefined)) return
  const problem =
    'bind: a worker alone makes its socket as the umask says; mode and group are for `start` and `dev`'
  throw new ServerError('CONFIG_INVALID', { problems: [problem] })
}
