import { join } from 'node:path'
import { readText } from './read-text.ts'

/** Where the kernel shows control groups; another place only in tests. */
export interface CgroupPlace {
  /** @default '/proc/self/cgroup' */
  readonly membership?: string
  /** @default '/sys/fs/cgroup' */
  readonly mount?: string
}

/** One control group, by its folders from the process's own group up to the root. */
export interface Cgroup {
  readonly version: 1 | 2
  readonly folders: readonly string[]
}

/**
 * The group that controls `controller` for this process, or `undefined` where there are no control groups
 * (macOS, or `/sys/fs/cgroup` not mounted). See cgroups(7).
 */
export function findCgroup(controller: string, place: CgroupPlace = {}): Cgroup | undefined {
  const membership = readText(place.membership ?? '/proc/self/cgroup')
  if (membership === undefined) return undefined
  const mount = place.mount ?? '/sys/fs/cgroup'
  const lines = membership
    .split('\n')
    .filter((line) => line !== '')
    .map(parseMembership)

  const v1 = lines.find((line) => line.controllers.includes(controller))
  if (v1 !== undefined) return { version: 1, folders: ancestors(join(mount, controller), v1.path) }
  const v2 = lines.find((line) => line.id === '0')
  if (v2 === undefined) return undefined
  return { version: 2, folders: ancestors(unifiedMount(mount), v2.path) }
}

/** Beside controllers of version 1 the second version is mounted one folder deeper. */
function unifiedMount(mount: string): string {
  const beside = join(mount, 'unified')
  return readText(join(beside, 'cgroup.controllers')) === undefined ? mount : beside
}

/** Nearest folder, from the process's own group upwards, that has a readable `file`. */
export function nearestWith(group: Cgroup, file: string): string | undefined {
  return group.folders.find((folder) => readText(join(folder, file)) !== undefined)
}

/** Every readable `file` from the process's own group upwards; limits of ancestors bind as well. */
export function readAll(group: Cgroup, file: string): readonly string[] {
  return group.folders.map((folder) => readText(join(folder, file))).filter((text) => text !== undefined)
}

/** Value of a `key value` line, as in `memory.events` and `/proc/vmstat`. */
export function keyedValue(text: string, key: string): number | undefined {
  const line = text.split('\n').find((candidate) => candidate.startsWith(`${key} `))
  if (line === undefined) return undefined
  const value = Number(line.slice(key.length + 1))
  return Number.isFinite(value) ? value : undefined
}

/** A line is `id:controller,controller:/path`; the path itself may contain colons. */
function parseMembership(line: string): { id: string; controllers: readonly string[]; path: string } {
  const [id = '', controllers = '', ...path] = line.split(':')
  return { id, controllers: controllers.split(','), path: path.join(':') }
}

/** A container without its own cgroup namespace names a path that does not exist below its mount: the mount's root remains. */
function ancestors(mount: string, path: string): readonly string[] {
  const parts = path.split('/').filter((part) => part !== '' && part !== '..')
  return parts.map((_, index) => join(mount, ...parts.slice(0, parts.length - index))).concat(mount)
}
