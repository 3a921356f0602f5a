import { existsSync } from 'node:fs'
import {
  type HandOverResult,
  isSameProcess,
  type ListenSocket,
  processStartTime,
  readInstance,
} from '@rip/manager'
import type { RunDir } from '@rip/manager'
import { withoutDebugger } from '../settings/without-debugger.ts'

/** Descriptor the first socket has in a successor: behind standard input, output and error. */
const INHERITED_FD = 3
const POLL_MS = 20

/** What a server gets from the running one whose place it takes. */
export interface Inheritance {
  readonly predecessor: number
  readonly predecessorStartTime: string
  /** Descriptors of the listening sockets. */
  readonly listenFds: readonly number[]
  /** Address that the socket was opened with; absent when another process had opened them. */
  readonly listen?: string
  /** Descriptor of the socket for probes, if there is one, and the address it was opened with, unless another process had. */
  readonly opsFd?: number
  readonly ops?: string
  /** The number of workers that was wanted last. */
  readonly workers: number
}

/** Variables that a server passes to its successor only. */
export const SUCCESSION_VARIABLES: readonly string[] = ['RIP_SUCCEEDS']

type Environment = Readonly<Record<string, string | undefined>>

/** Undefined in a server that has no predecessor. */
export function inheritance(env: Environment): Inheritance | undefined {
  const text = env['RIP_SUCCEEDS']
  return text === undefined ? undefined : (JSON.parse(text) as Inheritance)
}

export interface SuccessionOptions {
  readonly runDir: RunDir
  readonly sockets: readonly ListenSocket[]
  /** See {@link Inheritance}. */
  readonly listen?: string | undefined
  /** The socket for probes, with its address as {@link Inheritance} has it. */
  readonly ops?: { readonly fd: number; readonly asked: string | undefined } | undefined
  readonly env: Environment
  /** Folder to start it in; when that is gone, it starts in another one. */
  readonly cwd: string
  readonly workers: number
  /** Gives up a successor that does not serve yet. */
  readonly signal: AbortSignal
}

/**
 * Starts the program anew, from disk and with the arguments of this process, and waits until the new process serves.
 * Both then accept from the same listening sockets. If the new process does not get that far, nothing has changed.
 */
export async function startSuccessor(options: SuccessionOptions): Promise<HandOverResult> {
  if (process.pid === 1) return refused('a container ends with its process 1: replace the container instead')
  const { runDir, signal } = options
  runDir.handOver()
  const child = spawnSuccessor(options)
  if (child instanceof Error) {
    runDir.takeBack()
    return refused(`no process could be started: ${child.message}`)
  }
  while (child.exitCode === null && child.signalCode === null && !signal.aborted) {
    if (readInstance(runDir.path)?.pid === child.pid) return { ok: true, pid: child.pid }
    await Bun.sleep(POLL_MS)
  }
  child.kill('SIGTERM')
  const code = await child.exited
  runDir.takeBack()
  return refused(
    `the new process ended with code ${code} before it served; what it said is in the output of the server`,
  )
}

function spawnSuccessor({
  sockets,
  listen,
  ops,
  env,
  cwd,
  workers,
}: SuccessionOptions): Bun.Subprocess | Error {
  const fds = [...sockets.map(({ fd }) => fd), ...(ops === undefined ? [] : [ops.fd])]
  const inherited: Inheritance = {
    predecessor: process.pid,
    predecessorStartTime: processStartTime(process.pid) ?? '',
    listenFds: sockets.map((_, at) => INHERITED_FD + at),
    workers,
    ...(listen !== undefined && { listen }),
    ...(ops !== undefined && { opsFd: INHERITED_FD + sockets.length }),
    ...(ops?.asked !== undefined && { ops: ops.asked }),
  }
  const { WATCHDOG_PID: _watchdog, LISTEN_PID: _pid, LISTEN_FDS: _fds, LISTEN_FDNAMES: _names, ...rest } = env
  try {
    return Bun.spawn([process.execPath, ...process.execArgv, ...process.argv.slice(1)], {
      cwd: existsSync(cwd) ? cwd : '/',
      env: { ...withoutDebugger(rest), RIP_SUCCEEDS: JSON.stringify(inherited) },
      // A successor outlives this process.
      detached: true,
      stdio: ['inherit', 'inherit', 'inherit', ...fds],
    })
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error))
  }
}

const refused = (message: string): HandOverResult => ({ ok: false, message })

/** Resolves when the predecessor has ended. */
export async function predecessorGone({ predecessor, predecessorStartTime }: Inheritance): Promise<void> {
  while (isSameProcess(predecessor, predecessorStartTime || undefined)) await Bun.sleep(POLL_MS)
}
