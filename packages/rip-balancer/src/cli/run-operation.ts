import { existsSync, readFileSync } from 'node:fs'
import { AdminClient } from '../admin/admin-client.ts'
import { parseBackendAddress } from '../config/address.ts'
import type { BalancerConfig } from '../config/config.ts'
import type { ResolvedListener } from '../config/listener-config.ts'
import { resolveConfig } from '../config/resolve-config.ts'
import { BalancerError } from '../errors.ts'
import { ConfigSource, readConfig } from './config-source.ts'
import { underWayText } from '../log/pool-reports.ts'
import type { Operation } from './operations.ts'
import type { ProgramIo } from './program-io.ts'
import { requestsText } from './requests-text.ts'
import { statusText } from './status-text.ts'
import { ownStatusLine } from '../text/status-line.ts'
import { BackendTlsSettings } from '../tls/backend-tls.ts'

const EXIT = { done: 0, failed: 1, config: 5 } as const

/** How often the balancer is asked whether a backend has finished. */
const ASK_EVERY_MS = 100

/**
 * Carries an operation out; resolves with the exit code: 1 when a backend had not finished in time, 5 for a
 * configuration that is not valid.
 *
 * @throws `USAGE`, `CONFIG_INVALID`, `ADMIN_UNREACHABLE`, `ADMIN_REFUSED`
 */
export async function runOperation(operation: Operation, io: ProgramIo): Promise<number> {
  if (operation.name === 'check') return check(operation, io)
  if (operation.name === 'completion') return completion(operation, io)
  const socket = adminSocket(operation)
  if (operation.name === 'requests') {
    const requests = await new AdminClient({ socket }).requests()
    return print(io, operation, requests, requestsText(requests, Date.now()))
  }
  const status = await new AdminClient({ socket }).status()
  if (operation.name === 'status') return print(io, operation, status, statusText(status))
  const admin = new AdminClient({ socket, pool: status.pools[0]?.name ?? '' })
  const backend = operation.operand!
  if (operation.name === 'drain') return drain(admin, backend, operation, io)
  await admin.undrainBackend(backend, operator(io))
  return print(io, operation, { backend, drained: false }, `${backend} takes requests again\n`)
}

async function drain(
  admin: AdminClient,
  backend: string,
  operation: Operation,
  io: ProgramIo,
): Promise<number> {
  const { inFlight } = await admin.drainBackend(backend, operator(io))
  const left =
    operation.waitMs === undefined ? inFlight : await finish(admin, backend, operation.waitMs, busyIn(io))
  const rest = left === 0 ? 'nothing is under way there' : `${underWayText(left)} under way there`
  print(io, operation, { backend, drained: true, inFlight: left }, `${backend} takes nothing new; ${rest}\n`)
  return operation.waitMs !== undefined && left > 0 ? EXIT.failed : EXIT.done
}

type Busy = (text: string) => Disposable | undefined

function busyIn(io: ProgramIo): Busy {
  if (io.busy !== undefined) return (text) => io.busy?.(text)
  const line = ownStatusLine(io.env)
  return (text) => line?.show(text)
}

/** @returns what is under way when nothing is, or when the time is over */
async function finish(admin: AdminClient, backend: string, limitMs: number, busy: Busy): Promise<number> {
  const untilMs = performance.now() + limitMs
  using shown = new DisposableStack()
  let before = 0
  for (;;) {
    const { pools } = await admin.status()
    const members = pools.flatMap(({ backends }) => backends).filter(({ id }) => id === backend)
    const left = members.reduce(
      (count, { inFlight, tunnels, eventStreams }) => count + inFlight + tunnels + eventStreams,
      0,
    )
    if (left === 0 || performance.now() >= untilMs) return left
    if (left !== before)
      shown.use(busy(`${backend} takes nothing new; ${underWayText(left)} under way there`))
    before = left
    await Bun.sleep(Math.min(ASK_EVERY_MS, Math.max(1, untilMs - performance.now())))
  }
}

/** @throws `USAGE` for another shell */
async function completion({ operand }: Operation, io: ProgramIo): Promise<number> {
  io.out((await import('./completion/completion-script.ts')).completionScript(operand!))
  return EXIT.done
}

/** The file, and the certificates it names. */
function check({ operand, json }: Operation, io: ProgramIo): number {
  const problems = problemsOf(operand!)
  if (json) io.out(`${JSON.stringify({ file: operand, valid: problems.length === 0, problems })}\n`)
  else if (problems.length === 0) io.out(`${operand} is valid\n`)
  else for (const problem of problems) io.err(`${problem}\n`)
  return problems.length === 0 ? EXIT.done : EXIT.config
}

function problemsOf(file: string): readonly string[] {
  try {
    const { listeners, backends, backendTls } = resolveConfig(new ConfigSource(file).load())
    new BackendTlsSettings(backendTls).check(backends.map(({ address }) => address))
    return listeners.flatMap(({ tls }) => (tls === undefined ? [] : certificateProblems(tls)))
  } catch (error) {
    if (error instanceof BalancerError && isInvalid(error)) return error.detail.problems
    throw error
  }
}

const isInvalid = (error: BalancerError): error is BalancerError<'CONFIG_INVALID'> =>
  error.code === 'CONFIG_INVALID'

function certificateProblems({ certFile, keyFile }: NonNullable<ResolvedListener['tls']>): string[] {
  try {
    process
      .getBuiltinModule('node:tls')
      .createSecureContext({ cert: readFileSync(certFile), key: readFileSync(keyFile) })
    return []
  } catch (error) {
    return [`${certFile}, ${keyFile}: ${(error as Error).message}`]
  }
}

/** That of the balancer that was started with the same flag, or with the same file. */
function adminSocket({ admin, configFile }: Operation): string {
  const text = admin ?? (configFile === undefined ? undefined : adminOf(configFile))
  if (text === undefined)
    throw new BalancerError('USAGE', {
      message: configFile
        ? `${configFile} names no admin socket; start the balancer with "admin": "unix:PATH", or --admin unix:PATH`
        : 'which balancer? --admin unix:PATH or --config FILE, as it was started with',
    })
  const address = parseBackendAddress(text)
  if (address?.kind === 'unix') return address.path
  throw new BalancerError('USAGE', { message: `the admin socket must be unix:PATH, but is ${text}` })
}

/** Whatever else may be wrong with the file by now. */
function adminOf(file: string): string | undefined {
  const { value } = readConfig(file)
  const { admin } = (value ?? {}) as BalancerConfig
  return typeof admin === 'string' ? admin : undefined
}

/** The user at the terminal, also behind sudo. */
function operator({ env }: ProgramIo): string {
  const sudo = env['SUDO_USER']
  return sudo === undefined || sudo === '' ? nameOfUser() : `${sudo} (as ${nameOfUser()})`
}

/** In a container, a user may have a number only. */
function nameOfUser(): string {
  const id = process.getuid?.() ?? -1
  return nameIn('/etc/passwd', id) ?? `user ${id}`
}

/** passwd(5). */
function nameIn(file: string, id: number): string | undefined {
  if (!existsSync(file)) return undefined
  const lines = readFileSync(file, 'utf8').split('\n')
  return lines.map((line) => line.split(':')).find(([, , number]) => number === String(id))?.[0]
}

function print(io: ProgramIo, { json }: Operation, data: unknown, text: string): number {
  io.out(json ? `${JSON.stringify(data, null, 2)}\n` : text)
  return EXIT.done
}
