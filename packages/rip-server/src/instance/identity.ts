import { basename, resolve } from 'node:path'
import type { InstanceIdentity } from '@rip/manager'
import type { Settings } from '../settings/settings.ts'

/** What tells the instance of an application from others. */
export function instanceIdentity(
  { name, runDir }: Pick<Settings, 'name' | 'runDir'>,
  root: string,
): InstanceIdentity {
  return { root, ...(name !== undefined && { name }), ...(runDir !== undefined && { runDir }) }
}

/** What an instance is called: its given name, else that of its folder. */
export function instanceName({ name }: Pick<Settings, 'name'>, root: string): string {
  return name ?? basename(resolve(root))
}
