import { readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { type Environment, instancesFolders } from './locate.ts'
import { type Instance, ownerOf, readInstance } from './instance.ts'

/** Every bound Unix socket of the machine, of all users (proc_net(5)). */
const SOCKETS = '/proc/net/unix'
const CONTROL = /^(\/.+)\/control(?:-\d+)?\.sock$/
/** Beside its control socket an instance has one for its workers. */
const LINKS = /^(\/.+)\/links(?:-\d+)?\.sock$/

/** Any user can make a socket under any name, and this one is shown, to be typed: nothing a shell or a terminal would act upon. */
const HARMLESS = /^[\w./@:+-]+$/

/** An instance that commands of this user and environment do not look for. */
export interface InstanceElsewhere {
  readonly runDir: string
  /** Whose it is; `undefined` where that is not to be seen. */
  readonly uid: number | undefined
  /** What it says of itself; absent where it belongs to another user. */
  readonly instance?: Instance
}

/**
 * Instances that run in other places than those of this environment: of other users, of systemd units, with
 * `--run-dir`. Empty where the system does not list sockets.
 */
export function instancesElsewhere(env: Environment = process.env): readonly InstanceElsewhere[] {
  const known = instancesFolders(env)
  const paths = socketPaths()
  const linked = new Set(paths.flatMap((path) => LINKS.exec(path)?.[1] ?? []))
  const runDirs = new Set(paths.flatMap((path) => CONTROL.exec(path)?.[1] ?? []))
  return [...runDirs]
    .filter((runDir) => linked.has(runDir) && HARMLESS.test(runDir) && !known.includes(dirname(runDir)))
    .toSorted()
    .map((runDir) => {
      const instance = readInstance(runDir)
      return { runDir, uid: ownerOf(runDir), ...(instance !== undefined && { instance }) }
    })
}

function socketPaths(): readonly string[] {
  try {
    const lines = readFileSync(SOCKETS, 'utf8').split('\n')
    return lines.map((line) => line.slice(line.indexOf('/'))).filter((path) => path.startsWith('/'))
  } catch {
    // ENOENT: another system.
    return []
  }
}
