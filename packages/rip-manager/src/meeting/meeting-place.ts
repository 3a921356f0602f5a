import { rmdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { isListening } from '../socket/listening.ts'
import { listenPrivately } from '../socket/listen-privately.ts'
import { readInstance, type Instance } from '../run-dir/instance.ts'
import { type Environment, type InstanceIdentity, locateRunDir } from '../run-dir/locate.ts'
import { ensurePrivateFolder } from '../run-dir/private-folder.ts'
import { linkAlias } from '../run-dir/alias.ts'
import { assertEmptyOrOurs, removeShared } from '../run-dir/run-dir-entries.ts'
import { SharedSecret } from '../run-dir/shared-secret.ts'
import { namesIn } from '../system/names-in.ts'

/** The run directory of an instance as a balancer beside it uses it, whether the instance runs or not. */
export interface MeetingPlace extends Disposable {
  /** Path of the run directory. */
  readonly path: string
  /** Where this balancer takes orders. */
  readonly adminPath: string
  /** Where it lends its listening socket. */
  readonly lendPath: string
  /** Where other balancers lend theirs, as far as they listen there. */
  lenders(): Promise<readonly string[]>
  /** The instance that runs there; see `readInstance`. */
  instance(): Instance | undefined
  /** A secret that its manager and the other balancers know, too. */
  secret(): string
  /** Makes the folder again if it was removed. @throws what `openMeetingPlace` throws */
  restore(): void
}

/** Sockets of balancers; a run directory outlives its manager as long as one of them is there. */
const LENDS = /^lends-\d+\.sock$/

/**
 * Makes the run directory of an instance, unless it is there, for a balancer to meet its manager and other balancers.
 *
 * @throws ManagerError `RUN_DIR_UNSAFE` when others could put something else there, `SOCKET_PATH_TOO_LONG`
 */
export function openMeetingPlace(identity: InstanceIdentity, env: Environment = process.env): MeetingPlace {
  const location = locateRunDir(identity, env)
  const { base, path } = location
  const restore = (): string => {
    ensurePrivateFolder(base)
    ensurePrivateFolder(path)
    if (location.alias !== undefined) assertEmptyOrOurs(path)
    return linkAlias(location)
  }
  const sockets = restore()
  const adminPath = join(sockets, `joined-${process.pid}.sock`)
  const presencePath = join(sockets, `meets-${process.pid}.sock`)
  const presence = showPresence(presencePath)
  const secret = new SharedSecret(path)
  const lendPath = join(sockets, `lends-${process.pid}.sock`)
  return {
    path,
    adminPath,
    lendPath,
    async lenders() {
      const paths = namesIn(path)
        .filter((name) => LENDS.test(name))
        .map((name) => join(sockets, name))
        .filter((other) => other !== lendPath)
      const listens = await Promise.all(paths.map(isListening))
      return paths.filter((_, at) => listens[at])
    },
    instance: () => readInstance(path),
    secret: () => secret.read(),
    restore: () => void restore(),
    [Symbol.dispose]() {
      presence?.[Symbol.dispose]()
      for (const socket of [adminPath, lendPath, presencePath]) rmSync(socket, { force: true })
      removeShared(path)
      try {
        rmdirSync(path)
        if (location.alias !== undefined) rmSync(location.alias, { force: true })
      } catch {
        // ENOTEMPTY: the manager or another balancer is there. ENOENT: gone already.
      }
    },
  }
}

/**
 * Listens, so that others who leave do not take the shared files with them before this balancer takes orders. It keeps
 * no process alive.
 */
function showPresence(path: string): Disposable | undefined {
  rmSync(path, { force: true })
  try {
    const listener = listenPrivately(() => Bun.listen({ unix: path, socket: { data() {} } }))
    listener.unref()
    return { [Symbol.dispose]: () => listener.stop(true) }
  } catch {
    // ENOSPC, EACCES: the socket for orders cannot be made either, which is reported there.
    return undefined
  }
}
