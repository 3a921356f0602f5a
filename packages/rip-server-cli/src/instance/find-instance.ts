import {
  ControlClient,
  findInstances,
  type Instance,
  locateRunDir,
  type ManagerSnapshot,
  readInstance,
} from '@rip/manager'
import { CliError } from '../errors.ts'
import { type Invocation, invocationSettings } from '../invocation.ts'
import { instanceIdentity } from './identity.ts'
import { locateApp } from '../serve/app-location.ts'

/** A server that is running, and the line to it. */
export interface RunningInstance {
  readonly instance: Instance
  readonly client: ControlClient
  readonly snapshot: ManagerSnapshot
}

/**
 * The instance a command means: that of the application named, of `--run-dir`, `--name` or the current folder,
 * else the only one running. Never starts one. Throws {@link CliError} `NOT_RUNNING` or `SEVERAL_RUNNING`.
 */
export async function findInstance(
  invocation: Invocation,
  app: string | undefined,
): Promise<RunningInstance> {
  const { env } = invocation
  const { settings } = await invocationSettings(invocation, 'production', app)
  const { root } = locateApp(settings.app)
  const identity = instanceIdentity(settings, root)
  const { path } = locateRunDir(identity, env)
  const own = readInstance(path)
  if (own !== undefined) return connect(own)
  if (settings.runDir !== undefined || settings.name !== undefined || app !== undefined) {
    throw new CliError('NOT_RUNNING', { what: `nothing is running with the run directory ${path}` })
  }
  return connect(onlyInstance(findInstances(env)))
}

/** Asks an instance how it is. Throws {@link ManagerError} `NOT_RUNNING` when it left meanwhile. */
export async function connect(instance: Instance): Promise<RunningInstance> {
  const client = new ControlClient(instance.control)
  return { instance, client, snapshot: await client.status() }
}

function onlyInstance(instances: readonly Instance[]): Instance {
  const [only, ...others] = instances
  if (only === undefined) throw new CliError('NOT_RUNNING', { what: 'nothing is running' })
  if (others.length === 0) return only
  throw new CliError('SEVERAL_RUNNING', { names: instances.map(({ name }) => name) })
}
