import type { Refusal } from './refusal.ts'
import type { GenerationId } from './router.ts'

/** What went wrong, by code: what happened, with which value, and what to do about it. */
const messages = {
  OPTION_INVALID: (d: {
    readonly option: string
    readonly value: unknown
    readonly expected: string
  }): string => `${d.option} must be ${d.expected}, but is ${String(d.value)}`,
  BOOT_REFUSED: (d: { readonly refusal: Refusal }): string =>
    `the application cannot be served: ${d.refusal.message}`,
  SERVICE_FAILED: (d: {
    readonly service: string
    readonly status: string
    readonly stderr: string
  }): string =>
    `${d.service} did not start (${d.status})${d.stderr === '' ? '' : `:\n${d.stderr.trimEnd()}`}`,
  NO_PREVIOUS_GENERATION: (_: { readonly generation: GenerationId | undefined }): string =>
    'there is no code to return to: nothing else has been served since the start',
  GENERATION_NOT_KEPT: (d: { readonly generation: GenerationId }): string =>
    `${d.generation} cannot be returned to: its workers have gone, and others would run what is on disk; ` +
    'put that release there again and reload',
  NO_BACKGROUND: (d: { readonly name: string; readonly names: readonly string[] }): string =>
    d.names.length === 0
      ? `nothing works in the background here, so ${d.name} cannot be restarted`
      : `there is no background process ${d.name}; there is ${d.names.join(', ')}`,
  NOT_INSPECTED: (d: { readonly pid: number; readonly reason: string }): string =>
    `process ${d.pid} cannot be looked at: ${d.reason}`,
  NO_WORKERS: (_: { readonly wanted: number }): string =>
    'there are no workers to scale: the application answers no requests, it only works in the background',
  NOT_SERVING: (d: { readonly command: string }): string =>
    `cannot ${d.command}: no generation is being served yet`,
  STOPPING: (d: { readonly command: string }): string => `cannot ${d.command}: the manager is stopping`,
  SCALE_INCOMPLETE: (d: { readonly wanted: number; readonly ready: number }): string =>
    `${d.wanted} workers are wanted but only ${d.ready} are ready: workers keep dying, see the events`,
  SPAWN_FAILED: (d: { readonly name: string; readonly command: string; readonly reason: string }): string =>
    `cannot start ${d.name} (${d.command}): ${d.reason}`,
  ALREADY_RUNNING: (d: { readonly runDir: string; readonly pid: number | undefined }): string =>
    `already running${d.pid === undefined ? '' : ` as process ${d.pid}`} with the run directory ${d.runDir}; ` +
    'new code needs no second start: "rip-server reload"; otherwise stop it first, or give this instance another --name or --run-dir',
  NOT_RUNNING: (d: { readonly runDir: string }): string =>
    `nothing is running with the run directory ${d.runDir}; start it first, or see "rip-server ps"`,
  RUN_DIR_UNSAFE: (d: { readonly path: string; readonly reason: string }): string =>
    `refusing the run directory ${d.path}: ${d.reason}; remove it or choose another with --run-dir`,
  RUN_DIR_UNUSABLE: (d: { readonly path: string; readonly reason: string }): string =>
    `cannot use the run directory ${d.path}: ${d.reason}; choose another with --run-dir if that cannot be helped`,
  RUN_DIR_CLOSED: (d: { readonly path: string; readonly folder: string }): string =>
    `workers of another user cannot enter ${d.folder}, and so not reach their sockets in ${d.path}; ` +
    `let them with chmod o+x ${d.folder}, or choose another folder with --run-dir`,
  SOCKET_UNSAFE: (d: { readonly path: string }): string =>
    `${d.path} is not the socket its worker was to make; nothing is sent there`,
  SOCKET_PATH_TOO_LONG: (d: {
    readonly path: string
    readonly bytes: number
    readonly maxBytes: number
  }): string =>
    `the path of the socket ${d.path} has ${d.bytes} bytes, the system allows ${d.maxBytes}; choose a shorter one`,
  PORT_IN_USE: (d: { readonly address: string; readonly owner: string | undefined }): string =>
    `${d.address} is in use${d.owner === undefined ? '' : ` by ${d.owner}`}; stop it or choose another address`,
  LISTEN_DENIED: (d: { readonly address: string }): string =>
    `not allowed to listen on ${d.address}; choose a port above 1023 or a writable folder, or grant CAP_NET_BIND_SERVICE`,
  LISTEN_FAILED: (d: { readonly address: string; readonly reason: string }): string =>
    `cannot listen on ${d.address}: ${d.reason}`,
  BALANCER_REFUSED: (d: { readonly pid: number; readonly reason: string }): string =>
    `balancer process ${d.pid} cannot join: ${d.reason}`,
  CONTROL_REFUSED: (d: {
    readonly status: number
    /** Its code of the failure, such as `NO_PREVIOUS_GENERATION`; nothing when the answer is none of a manager. */
    readonly reason: string | undefined
    readonly message: string
  }): string =>
    d.reason === undefined
      ? `the running instance refused the command (${d.status}): ${d.message}`
      : d.message,
  CONTROL_VERSION: (d: { readonly theirs: number; readonly ours: number }): string =>
    `the running instance speaks version ${d.theirs} of the control protocol and this program version ${d.ours}; ` +
    'use the same release for both',
  LINK_SOCKET_FAILED: (d: { readonly path: string; readonly reason: string }): string =>
    `cannot listen for workers on ${d.path}: ${d.reason}`,
  TREE_UNREADABLE: (d: { readonly root: string; readonly reason: string }): string =>
    `cannot read the application in ${d.root}: ${d.reason}`,
} as const

export type ManagerErrorCode = keyof typeof messages

export type ManagerErrorDetail<C extends ManagerErrorCode> = Parameters<(typeof messages)[C]>[0]

/** Every error this package raises on purpose; `code` says which, `detail` carries the values. */
export class ManagerError<C extends ManagerErrorCode = ManagerErrorCode> extends Error {
  override readonly name = 'ManagerError'
  readonly code: C
  readonly detail: ManagerErrorDetail<C>

  constructor(code: C, detail: ManagerErrorDetail<C>, options?: ErrorOptions) {
    // The table pairs each code with its own detail, which the union of all functions cannot express.
    super((messages[code] as (d: ManagerErrorDetail<C>) => string)(detail), options)
    this.code = code
    this.detail = detail
  }
}
