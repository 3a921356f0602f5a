import { readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isSameProcess, processStartTime } from '../process/start-time.ts'
import { type Environment, locateRunDir } from './locate.ts'

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
  const path = join(folder, STATE_FILE)
  const state = { version: STATE_VERSION, ...instance, startTime: processStartTime(instance.pid) ?? null }
  writeFileSync(`${path}.new`, `${JSON.stringify(state, undefined, 2)}\n`, { mode: 0o600 })
  renameSync(`${path}.new`, path)
}

/** The instance that runs with this run directory, or `undefined` when none does: a state file alone proves nothing. */
export function readInstance(folder: string): Instance | undefined {
  const state = readState(join(folder, STATE_FILE))
  if (state === undefined || !isSameProcess(state.pid, state.startTime ?? undefined)) return undefined
  const { version: _version, startTime: _startTime, ...instance } = state
  return instance
}

/** Every running instance of this user, by name. */
export function findInstances(env: Environment = process.env): readonly Instance[] {
  const { base } = locateRunDir({ root: '/' }, env)
  return folderNames(base)
    .map((name) => readInstance(join(base, name)))
    .filter((instance) => instance !== undefined)
    .toSorted((a, b) => a.name.localeCompare(b.name))
}

type State = Instance & { readonly version: number; readonly startTime: string | null }

function readState(path: string): State | undefined {
  try {
    const state: unknown = JSON.parse(readFileSync(path, 'utf8'))
    return isState(state) ? state : undefined
  } catch {
    // ENOENT, or written by something else.
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

function folderNames(path: string): readonly string[] {
  try {
    return readdirSync(path)
  } catch {
    // ENOENT: nothing was ever started here.
    return []
  }
}
