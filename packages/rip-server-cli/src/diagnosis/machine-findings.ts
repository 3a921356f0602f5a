import type { readMemory } from '@rip/manager'
import { bytesText } from '../terminal/quantity-text.ts'
import type { Finding, Problem } from './finding.ts'

/** What a machine offers, as far as it says so. */
export interface Machine {
  readonly bun: { readonly version: string; readonly needed: string }
  readonly processors: number
  /** `undefined` where the system does not tell; `Infinity` where there is no limit. */
  readonly openFiles: number | undefined
  readonly fileWatches: number | undefined
  readonly acceptQueue: number | undefined
  readonly memory: ReturnType<typeof readMemory>
  readonly runDirs: RunDirs
  /** Space for run directories, and for temporary files. */
  readonly spaces: readonly Space[]
}

/** The folder where instances are listed. */
export interface RunDirs {
  readonly base: string
  /** The part of it that exists. */
  readonly existing: string
  readonly isWritable: boolean
  /** Whether `XDG_RUNTIME_DIR` was passed over because its path is too long for the names of sockets. */
  readonly isPassedOver: boolean
}

/** A folder for snapshots, sockets and logs. */
export interface Space {
  readonly what: string
  readonly path: string
  readonly freeBytes: number
  readonly isOutOfFiles: boolean
  /** What comes of it when there is no room. */
  readonly follows: string
  /** How another folder is chosen. */
  readonly elsewhere: string
}

/** Fewer open files than this are used up by a busy balancer. */
const FEWEST_OPEN_FILES = 4_096
/** Fewer watches than this are used up by one application with dependencies. */
const FEWEST_WATCHES = 8_192
/** Fewer connections that wait to be accepted are lost in a burst. */
const SHORTEST_ACCEPT_QUEUE = 511
/** A worker and its builder need about this much. */
const LEAST_MEMORY_BYTES = 128 * 2 ** 20
/** Snapshots of a large application take some tens of megabytes each. */
const LEAST_SPACE_BYTES = 100 * 2 ** 20

/** What there is to say about a machine. */
export function machineFindings(machine: Machine): Finding[] {
  const { bun, processors, openFiles, fileWatches, acceptQueue, memory, runDirs, spaces } = machine
  return [
    { name: 'Bun', value: bun.version, ...bunProblem(bun) },
    { name: 'processors', value: `${processors} (the number of workers "auto" stands for)` },
    { name: 'memory', ...memoryFinding(memory) },
    { name: 'open files', value: limitText(openFiles), ...openFilesProblem(openFiles) },
    { name: 'file watches', value: limitText(fileWatches), ...watchesProblem(fileWatches) },
    { name: 'accept queue', value: limitText(acceptQueue), ...queueProblem(acceptQueue) },
    { name: 'run directories', value: runDirsText(runDirs), ...runDirsProblem(runDirs) },
    ...spaces.map((space) => ({
      name: `space for ${space.what}`,
      value: `${bytesText(space.freeBytes)} free in ${space.path}`,
      ...spaceProblem(space),
    })),
  ]
}

function bunProblem({ version, needed }: Machine['bun']): Problem | undefined {
  if (Bun.semver.satisfies(version, needed)) return undefined
  return { advice: `rip-server needs Bun ${needed}.`, remedies: ['bun upgrade'] }
}

function memoryFinding(reading: Machine['memory']): Omit<Finding, 'name'> {
  if (reading === undefined) return { value: 'unknown on this system' }
  const { availableBytes, limit } = reading
  const of = limit === undefined ? '' : `, of ${bytesText(limit.bytes)} that the control group may use`
  const value = `${bytesText(availableBytes)} available${of}`
  if (availableBytes >= LEAST_MEMORY_BYTES) return { value }
  return {
    value,
    advice: `Less than ${bytesText(LEAST_MEMORY_BYTES)} of memory are available: a reload has no room for new workers beside the old ones.`,
    remedies: [
      'rip-server scale -1                 # fewer workers at once',
      'rip-server start --max-memory 256MiB  # replaces workers that grow',
      ...(limit === undefined ? [] : ['MemoryMax= in the unit, --memory of the container  # a higher limit']),
    ],
  }
}

function openFilesProblem(limit: number | undefined): Problem | undefined {
  if (limit === undefined || limit >= FEWEST_OPEN_FILES) return undefined
  return {
    advice: `A busy balancer uses up ${limit} open files, and then refuses connections.`,
    remedies: [
      'ulimit -n 65536      # in the shell that starts it',
      'LimitNOFILE=65536    # in its systemd unit',
    ],
  }
}

function watchesProblem(limit: number | undefined): Problem | undefined {
  if (limit === undefined || limit >= FEWEST_WATCHES) return undefined
  return {
    advice: 'Development notices changes only by its regular sweep when there are more folders than that.',
    remedies: [
      'sudo sysctl fs.inotify.max_user_watches=524288',
      'echo fs.inotify.max_user_watches=524288 | sudo tee /etc/sysctl.d/60-watches.conf  # for good',
    ],
  }
}

function queueProblem(limit: number | undefined): Problem | undefined {
  if (limit === undefined || limit >= SHORTEST_ACCEPT_QUEUE) return undefined
  return {
    advice: `In a burst, or while the balancer is replaced, connections beyond ${limit} have to be made again.`,
    remedies: [
      'sudo sysctl net.core.somaxconn=4096',
      'echo net.core.somaxconn=4096 | sudo tee /etc/sysctl.d/60-somaxconn.conf  # for good',
    ],
  }
}

function runDirsText({ base, isPassedOver }: RunDirs): string {
  return isPassedOver ? `${base} (the path of XDG_RUNTIME_DIR is too long for sockets)` : base
}

function runDirsProblem({ existing, isWritable }: RunDirs): Problem | undefined {
  if (isWritable) return undefined
  return {
    advice: `This user cannot write to ${existing}: no server can start.`,
    remedies: [
      'RuntimeDirectory=NAME              # in its systemd unit',
      'XDG_RUNTIME_DIR=/run/user/$(id -u)  # in the environment, of commands as well',
      'rip-server start --run-dir FOLDER  # and the same with each command',
    ],
  }
}

function spaceProblem({ path, freeBytes, isOutOfFiles, follows, elsewhere }: Space): Problem | undefined {
  if (isOutOfFiles)
    return {
      advice: `The file system of ${path} has no room for more files: ${follows}.`,
      remedies: [`df -i ${path}    # then remove some`, elsewhere],
    }
  if (freeBytes >= LEAST_SPACE_BYTES) return undefined
  return {
    advice: `Less than ${bytesText(LEAST_SPACE_BYTES)} are free in ${path}: without room, ${follows}.`,
    remedies: [`du -xh ${path} | sort -h | tail    # what takes the space`, elsewhere],
  }
}

function limitText(limit: number | undefined): string {
  if (limit === undefined) return 'unknown on this system'
  return limit === Infinity ? 'unlimited' : String(limit)
}
