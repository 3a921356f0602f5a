import type { BackgroundLaunch, Launch } from '../machine/effects.ts'
import type { BackgroundProgram } from '../contract/options.ts'
import type { ResolvedOptions } from './resolve-options.ts'

/** The environment of one process. */
export type ProcessEnvironment = Readonly<Record<string, string>>

/** Variables that differ from worker to worker; see `WorkerEnvironment` of `@rip/worker/protocol`. */
export const WORKER_VARIABLES: readonly string[] = [
  'RIP_SOCKET',
  'RIP_WORKER_ID',
  'RIP_GENERATION',
  'RIP_MODE',
  'RIP_CONCURRENCY',
  'RIP_BOOT_TIMEOUT_MS',
  'RIP_SNAPSHOT',
  'RIP_CONTROL',
]

/** What a worker is told by its environment. */
export function workerEnvironment(
  launch: Launch,
  { links, mode, machine }: ResolvedOptions,
): ProcessEnvironment {
  const { slot, socket, generation, snapshot, surroundings } = launch
  const { RIP_SNAPSHOT: _snapshot, RIP_CONTROL: _control, ...env } = surroundings.env
  return {
    ...env,
    RIP_SOCKET: socket,
    RIP_WORKER_ID: String(slot),
    RIP_GENERATION: generation,
    RIP_MODE: mode,
    RIP_CONCURRENCY: String(machine.concurrency),
    RIP_BOOT_TIMEOUT_MS: String(machine.bootTimeoutMs),
    ...(snapshot.folder !== undefined && { RIP_SNAPSHOT: snapshot.folder }),
    ...(machine.speaksProtocol && { RIP_CONTROL: links.path }),
  }
}

/** What a program that works in the background is told by its environment. */
export function backgroundEnvironment(
  { name, generation, snapshot, surroundings }: BackgroundLaunch,
  { command }: BackgroundProgram,
  { links, mode }: ResolvedOptions,
): ProcessEnvironment {
  const { RIP_SNAPSHOT: _snapshot, RIP_SOCKET: _socket, RIP_WORKER_ID: _worker, ...env } = surroundings.env
  return {
    ...env,
    RIP_BACKGROUND: name,
    RIP_GENERATION: generation,
    RIP_MODE: mode,
    RIP_CONTROL: links.path,
    ...(command !== undefined && { RIP_BACKGROUND_COMMAND: JSON.stringify(command) }),
    ...(snapshot.folder !== undefined && { RIP_SNAPSHOT: snapshot.folder }),
  }
}
