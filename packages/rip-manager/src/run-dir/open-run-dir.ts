import { assertEmptyOrOurs, removeDead } from './run-dir-entries.ts'
import { lockRunDir } from './run-dir-lock.ts'
import { linkAlias } from './alias.ts'
import { locateRunDir, type RunDirLocation } from './locate.ts'
import { OwnedRunDir } from './owned-run-dir.ts'
import { ensurePrivateFolder } from './private-folder.ts'
import type { RunDir, RunDirOptions } from './run-dir.ts'
import { accountsOf, admitTenants, modeFor } from './tenants.ts'
import { asUnusable } from './unusable.ts'

/**
 * Creates or takes over the run directory of an instance and holds its lock for life. Sockets a killed
 * predecessor left behind are removed if no process listens on them any more.
 *
 * @throws ManagerError `ALREADY_RUNNING`, `RUN_DIR_UNSAFE`, `RUN_DIR_UNUSABLE`, `RUN_DIR_CLOSED` or `SOCKET_PATH_TOO_LONG`.
 */
export async function openRunDir(options: RunDirOptions): Promise<RunDir> {
  const { tenants, succeeds = false } = options
  const location = locateRunDir(options, options.env, accountsOf(tenants))
  try {
    ensurePrivateFolder(location.base, modeFor(tenants))
    if (location.alias !== undefined && !succeeds) assertEmptyOrOurs(location.path)
    return await takeOver(location, options)
  } catch (error) {
    throw asUnusable(location.path, error)
  }
}

async function takeOver(
  location: RunDirLocation,
  { succeeds = false, tenants, onWarning = () => {} }: RunDirOptions,
): Promise<RunDir> {
  const lock = lockRunDir(location.path, modeFor(tenants))
  try {
    admitTenants(location, tenants)
    const sockets = linkAlias(location)
    await removeDead(location.path, sockets, succeeds)
    return new OwnedRunDir({ location, sockets, lock, succeeds, tenants, onWarning })
  } catch (error) {
    lock.release()
    throw error
  }
}
