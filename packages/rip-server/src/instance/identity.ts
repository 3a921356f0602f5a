import { lstatSync } from 'node:fs'
import { basename, dirname, resolve } from 'node:path'
import type { InstanceIdentity } from '@rip/manager'
import type { Settings } from '../settings/settings.ts'

/** Tells the instance of an application from others. */
export function instanceIdentity(
  { name, runDir }: Pick<Settings, 'name' | 'runDir'>,
  root: string,
): InstanceIdentity {
  return { root, ...(name !== undefined && { name }), ...(runDir !== undefined && { runDir }) }
}

/**
 * What an instance is called: its given name, else that of its folder. A link `current` leads to one release after the
 * other: then that of the folder the link is in.
 */
export function instanceName({ name }: Pick<Settings, 'name'>, root: string): string {
  const path = resolve(root)
  return name ?? (isCurrentLink(path) ? basename(dirname(path)) : basename(path))
}

function isCurrentLink(path: string): boolean {
  const isLink = lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() ?? false
  return isLink && basename(path) === 'current' && basename(dirname(path)) !== ''
}
