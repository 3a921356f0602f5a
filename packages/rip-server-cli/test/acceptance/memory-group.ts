import { accessSync, constants, existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const ROOT = '/sys/fs/cgroup'
const REMOVE_TIMEOUT_MS = 5_000
const REMOVE_POLL_MS = 20

/** Names of the same files in both versions of control groups; see cgroups(7). */
const VERSIONS = {
  1: {
    mount: join(ROOT, 'memory'),
    limit: 'memory.limit_in_bytes',
    used: 'memory.usage_in_bytes',
    idle: 'total_inactive_file',
    events: 'memory.oom_control',
  },
  2: {
    mount: ROOT,
    limit: 'memory.max',
    used: 'memory.current',
    idle: 'inactive_file',
    events: 'memory.events',
  },
} as const

/** A memory control group of our own, empty and without a limit at first. */
export class MemoryGroup {
  readonly #version: 1 | 2
  readonly #folder: string

  private constructor(version: 1 | 2) {
    this.#version = version
    this.#folder = join(VERSIONS[version].mount, `rip-test-${crypto.randomUUID()}`)
    mkdirSync(this.#folder)
  }

  /** Why no group can be made here; undefined if one can. */
  static unavailable(): string | undefined {
    const version = findVersion()
    if (version === undefined) return `no memory controller below ${ROOT}`
    const { mount } = VERSIONS[version]
    return isWritable(mount) ? undefined : `${mount} is not writable`
  }

  static create(): MemoryGroup {
    const version = findVersion()
    if (version === undefined) throw new Error(`no memory controller below ${ROOT}`)
    return new MemoryGroup(version)
  }

  get procs(): string {
    return join(this.#folder, 'cgroup.procs')
  }

  /** Command before a program that is to be started in the group. */
  get wrapper(): readonly string[] {
    return ['sh', '-c', 'echo $$ > "$0" && exec "$@"', this.procs]
  }

  /** Moves a running process into the group; its present memory stays accounted in the old one. */
  add(pid: number): void {
    writeFileSync(this.procs, `${pid}`)
  }

  limit(bytes: number): void {
    writeFileSync(join(this.#folder, this.#files.limit), `${Math.round(bytes)}`)
  }

  /** Without cached files that were not used for a while, which the kernel drops before it refuses memory. */
  get usedBytes(): number {
    return Number(this.#read(this.#files.used)) - this.#valueOf('memory.stat', this.#files.idle)
  }

  /** Number of processes of the group that were killed for lack of memory. */
  get kills(): number {
    return this.#valueOf(this.#files.events, 'oom_kill')
  }

  /** Removes the group. All its processes have ended, but the kernel may take a moment to notice. */
  async remove(): Promise<void> {
    const deadlineMs = performance.now() + REMOVE_TIMEOUT_MS
    for (;;) {
      try {
        return rmdirSync(this.#folder)
      } catch (error) {
        // EBUSY: the kernel is still removing a process that has ended.
        if (performance.now() > deadlineMs) throw error
        await Bun.sleep(REMOVE_POLL_MS)
      }
    }
  }

  get #files(): (typeof VERSIONS)[1 | 2] {
    return VERSIONS[this.#version]
  }

  #valueOf(file: string, key: string): number {
    const line = this.#read(file)
      .split('\n')
      .find((text) => text.startsWith(`${key} `))
    return Number(line?.slice(key.length + 1) ?? Number.NaN)
  }

  #read(file: string): string {
    return readFileSync(join(this.#folder, file), 'utf8')
  }
}

/** In version 2 a controller exists in lower groups only if the root enables it for them. */
function findVersion(): 1 | 2 | undefined {
  if (existsSync(join(VERSIONS[1].mount, 'cgroup.procs'))) return 1
  const handedOn = join(ROOT, 'cgroup.subtree_control')
  if (!existsSync(handedOn)) return undefined
  return readFileSync(handedOn, 'utf8').split(/\s/).includes('memory') ? 2 : undefined
}

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK)
    return true
  } catch {
    return false
  }
}
