import { lstatSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { isSameProcess, processStartTime } from '../system/start-time.ts'
import { type Environment, instancesFolders } from './locate.ts'
import { readOwnFile, writeOwnFile } from './own-file.ts'
import { isOfOursOrRoot } from './owner.ts'
import { namesIn } from '../system/names-in.ts'

const THROWLESS = { throwIfNoEntry: false } as const

/** What a running instance says about itself in `state.json`. */
export interface Instance {
  readonly pid: number
  readonly name: string
  readonly root: string
  readonly runDir: string
  /** Path of the control socket. */
  readonly control: string
  /** Where it serves, such as `http://127.0.0.1:3000`; absent before that is known. */
  readonly url?: string
  /** Milliseconds since the epoch. */
  readonly startedAtMs: number
}

const STATE_FILE = 'state.json'
const STATE_VERSION = 1

/** Appears in one step: a reader sees the former state or the new one. */
export function writeInstance(folder: string, instance: Instance): void {
  const state = { version: STATE_VERSION, ...instance, startTime: processStartTime(instance.pid) ?? null }
  writeOwnFile(join(folder, STATE_FILE), `${JSON.stringify(state, undefined, 2)}\n`)
}

/**
 * The instance that runs with this run directory, or `undefined` when none does: a state file alone proves nothing,
 * and what another user may have put there is not believed.
 */
export function readInstance(folder: string): Instance | undefined {
  if (strangerIn(folder) !== undefined) return undefined
  const state = readState(join(folder, STATE_FILE))
  if (state === undefined || !isSameProcess(state.pid, state.startTime ?? undefined)) return undefined
  if (!isOfOursOrRoot(processUid(state.pid))) return undefined
  const { version: _version, startTime: _startTime, ...instance } = state
  return instance
}

/**
 * The user, neither us nor root, to whom a run directory or its state file belongs, or who denies us access to it;
 * `undefined` when there is none.
 */
export function strangerIn(folder: string): number | undefined {
  try {
    return strangerAmong(folder)
  } catch {
    // EACCES: a folder above is private, and not ours.
    return ownerOf(folder)
  }
}

/** Of a folder, or of the nearest one above it that may be looked at. */
export function ownerOf(folder: string): number | undefined {
  try {
    return statSync(folder).uid
  } catch {
    // EACCES, or it has gone.
    return folder === '/' ? undefined : ownerOf(dirname(folder))
  }
}

function strangerAmong(folder: string): number | undefined {
  const links = [lstatSync(folder, THROWLESS), statSync(folder, THROWLESS)]
  const owners = [...links, lstatSync(join(folder, STATE_FILE), THROWLESS)].map((status) => status?.uid)
  return owners.find((uid) => uid !== undefined && !isOfOursOrRoot(uid))
}

/** Every running instance of this user, by name. */
export function findInstances(env: Environment = process.env): readonly Instance[] {
  return instancesFolders(env)
    .filter((base) => strangerIn(base) === undefined)
    .flatMap((base) => namesIn(base).map((name) => readInstance(join(base, name))))
    .filter((instance) => instance !== undefined)
    .toSorted((a, b) => a.name.localeCompare(b.name))
}

/** Where there is no `/proc`, the state file has to vouch for the process. */
function processUid(pid: number): number {
  return statSync(`/proc/${pid}`, THROWLESS)?.uid ?? process.geteuid?.() ?? 0
}

type State = Instance & { readonly version: number; readonly startTime: string | null }

function readState(path: string): State | undefined {
  try {
    const state: unknown = JSON.parse(readOwnFile(path))
    return isState(state) ? state : undefined
  } catch {
    // ENOENT, ELOOP, or written by something else.
    return undefined
  }
}

function isState(value: unknown): value is State {
  if (typeof value !== 'object' || value === null) return false
  const state = value as Readonly<Record<string, unknown>>
  const texts = [state['name'], state['root'], state['runDir'], state['control']]
  return state['version'] === STATE_VERSION && typeof state['pid'] === 'number' && texts.every(isText)
}

function isText(value: unknown): value is string {
  return typeof value === 'string'
}
