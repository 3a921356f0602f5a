import { chmodSync, lstatSync } from 'node:fs'
import type { Account } from '../contract/account.ts'
import { ManagerError } from '../contract/errors.ts'
import { closedFolder } from './enterable.ts'
import type { RunDirLocation } from './locate.ts'

const PRIVATE_MODE = 0o700
/** Tenants get through to what is theirs, by its name; what is there they cannot see. */
const PASSABLE_MODE = 0o711
/** The right of others to get through a folder. */
const PASSABLE_BITS = 0o011
const PERMISSION_BITS = 0o7777

/** Users who own something in the run directory of root: the one workers run as, and the one the balancer runs as. */
export interface Tenants {
  readonly workers: Account
  readonly router: Account
}

export function accountsOf(tenants: Tenants | undefined): readonly Account[] {
  return tenants === undefined ? [] : [tenants.workers, tenants.router]
}

/** The mode of a run directory that these users have something in. */
export function modeFor(tenants: Tenants | undefined): number {
  return tenants === undefined ? PRIVATE_MODE : PASSABLE_MODE
}

/**
 * Lets tenants through. Folders under names of ours are opened to them; a folder that an operator chose stays as it is.
 *
 * @throws ManagerError `RUN_DIR_CLOSED` when they do not get there all the same
 */
export function admitTenants({ base, path, alias }: RunDirLocation, tenants: Tenants | undefined): void {
  if (tenants === undefined) return
  for (const folder of alias === undefined ? [base, path] : [base]) {
    const mode = lstatSync(folder).mode & PERMISSION_BITS
    if ((mode & PASSABLE_BITS) !== PASSABLE_BITS) chmodSync(folder, mode | PASSABLE_BITS)
  }
  const folder = closedFolder(path, accountsOf(tenants))
  if (folder !== undefined) throw new ManagerError('RUN_DIR_CLOSED', { path, folder })
}
