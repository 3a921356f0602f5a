import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import {
  ControlClient,
  type Environment,
  findInstances,
  type Instance,
  instancesElsewhere,
  locateRunDir,
  type ManagerStatus,
  readInstance,
  strangerIn,
} from '@rip/manager'
import { locateApp, userNameOf } from '@rip/server/sources'
import { CliError } from '../errors.ts'
import { elsewhereLines } from './elsewhere-lines.ts'
import { flagValue, type Invocation } from '../invocation.ts'
import { realPath } from '../real-path.ts'

/** How long to wait for the status: a server that answers at all answers at once. */
const STATUS_TIMEOUT_MS = 5_000

/** A running server, with the connection to it. */
export interface RunningInstance {
  readonly instance: Instance
  readonly client: ControlClient
  readonly snapshot: ManagerStatus
}

/**
 * The instance a command means: by `--run-dir`, by `--name`, by the application named or in the current folder, else
 * the only one running. Never starts one, and never evaluates a configuration, which may be broken.
 *
 * @throws CliError `NOT_RUNNING` or `SEVERAL_RUNNING`
 */
export async function findInstance(
  invocation: Invocation,
  app: string | undefined,
): Promise<RunningInstance> {
  const { cwd, env } = invocation
  const path = resolve(cwd, app ?? '.')
  const runDir = flagValue(invocation, 'run-dir')
  const name = flagValue(invocation, 'name')
  if (runDir !== undefined) return named(locateRunDir({ root: path, runDir: resolve(cwd, runDir) }, env).path)
  const running = findInstances(env)
  if (name !== undefined) return byName(name, running, env)
  const root = rootAt(path)
  const own = root === undefined ? [] : running.filter((instance) => isSameFolder(instance.root, root))
  if (own.length > 0) return connect(onlyOne(own, env))
  if (app === undefined) return connect(onlyOne(running, env))
  if (isName(app) && (root === undefined || running.some((instance) => instance.name === app)))
    return byName(app, running, env)
  throw notRunning(`${root ?? path} is not running`, env)
}

/** The folder of the application that is there, if one is. */
function rootAt(path: string): string | undefined {
  return existsSync(path) ? locateApp(path).root : undefined
}

/** As opposed to a path. */
function isName(word: string): boolean {
  return !word.includes('/') && word !== '.' && word !== '..'
}

/**
 * Asks an instance for its status. @throws ManagerError `NOT_RUNNING` when it has left meanwhile, CliError `TIMED_OUT`
 * when it does not answer
 */
export async function connect(instance: Instance): Promise<RunningInstance> {
  const client = new ControlClient(instance.control)
  const signal = AbortSignal.timeout(STATUS_TIMEOUT_MS)
  try {
    return { instance, client, snapshot: await client.status({ signal }) }
  } catch (error) {
    if (!signal.aborted) throw error
    throw new CliError(
      'TIMED_OUT',
      { what: `status of ${instance.name}`, afterMs: STATUS_TIMEOUT_MS },
      { cause: error },
    )
  }
}

function onlyOne(instances: readonly Instance[], env: Environment): Instance {
  const [only, ...others] = instances
  if (only === undefined) throw notRunning('nothing is running', env)
  if (others.length === 0) return only
  throw new CliError('SEVERAL_RUNNING', { names: instances.map(({ name }) => name) })
}

/** Finds an instance by the name that `ps` shows: that of `--name`, or of the folder of its application. */
async function byName(
  name: string,
  running: readonly Instance[],
  env: Environment,
): Promise<RunningInstance> {
  const called = running.filter((instance) => instance.name === name)
  if (called.length > 0) return connect(onlyOne(called, env))
  const others = running.length === 0 ? '' : ` (what runs: ${running.map((each) => each.name).join(', ')})`
  throw notRunning(`nothing called ${name} is running${others}`, env)
}

/** What runs in places the command did not look at is named, as it may be what was meant. */
function notRunning(what: string, env: Environment): CliError<'NOT_RUNNING'> {
  return new CliError('NOT_RUNNING', { what, elsewhere: elsewhereLines(instancesElsewhere(env)) })
}

async function named(runDir: string): Promise<RunningInstance> {
  const stranger = strangerIn(runDir)
  if (stranger !== undefined)
    throw new CliError('OF_ANOTHER_USER', { runDir, uid: stranger, user: userNameOf(stranger) })
  const instance = readInstance(runDir)
  if (instance !== undefined) return connect(instance)
  throw new CliError('NOT_RUNNING', {
    what: `nothing is running with the run directory ${runDir}`,
    elsewhere: [],
  })
}

/** The same path, or another spelling of it; a link that leads elsewhere by now is still the same path. */
export function isSameFolder(a: string, b: string): boolean {
  return a === b || realPath(a) === realPath(b)
}
