import { existsSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { chmod, chown, cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  type Account,
  ensurePrivateFolder,
  type Findings,
  isPrivateFolder,
  type KeptGeneration,
  readOwnFile,
  type Snapshot,
  type Verdict,
  type VerdictStore,
  writeOwnFile,
} from '@rip/manager'
import { messageOf } from '../message-of.ts'

const FILE = 'verdicts.json'
const VERSION = 1
/** A copy of a snapshot, named after its generation, or one that is being made. */
const COPY = /^[0-9a-f]{8,}(?:\.tmp)?$/
const FOLDER_MODE = 0o750
const FILE_MODE = 0o640

export interface VerdictFolderOptions {
  /** Folders to try, see `stateFolders`; the first that exists or can be made is used. */
  readonly candidates: readonly string[]
  /** Folder into which the snapshot of a copy is put back. */
  readonly snapshots: string
  /** The user who has to be able to read that. @default the user of this process */
  readonly account?: Account | undefined
}

/**
 * The verdicts of an instance about releases, with a copy of the last good one, in a private folder that survives a
 * reboot. The folder is made only when there is something to keep.
 */
export class VerdictFolder implements VerdictStore {
  readonly #options: VerdictFolderOptions
  /** Names of the copies that are being made. */
  readonly #making = new Set<string>()

  constructor(options: VerdictFolderOptions) {
    this.#options = options
  }

  read(): Findings {
    const found = this.#existing
    return (
      (found === undefined ? undefined : readFindings(join(found, FILE))) ?? {
        condemned: [],
        good: undefined,
      }
    )
  }

  write(findings: Findings): void {
    const folder = this.#make()
    writeOwnFile(join(folder, FILE), `${JSON.stringify({ version: VERSION, ...findings }, undefined, 2)}\n`)
    for (const name of readdirSync(folder)) {
      if (COPY.test(name) && name !== findings.good?.generation && !this.#making.has(name))
        rmSync(join(folder, name), { recursive: true, force: true })
    }
  }

  async keep({ generation, folder }: Snapshot): Promise<void> {
    if (folder === undefined) throw new Error('its code is loaded from disk')
    const state = this.#make()
    const temporary = `${generation}.tmp`
    this.#making.add(temporary)
    try {
      await copySnapshot(folder, join(state, temporary))
      rmSync(join(state, generation), { recursive: true, force: true })
      renameSync(join(state, temporary), join(state, generation))
    } finally {
      this.#making.delete(temporary)
    }
  }

  async fetch(generation: string, { signal }: { readonly signal: AbortSignal }): Promise<Snapshot> {
    const state = this.#existing
    if (state === undefined) throw new Error('it is gone')
    const { snapshots, account } = this.#options
    const folder = join(snapshots, generation)
    await makeFolder(snapshots, account)
    await copySnapshot(join(state, generation), folder)
    if (account !== undefined) await lend(folder, account)
    signal.throwIfAborted()
    return { generation, folder }
  }

  get #existing(): string | undefined {
    return this.#options.candidates.find(isPrivateFolder)
  }

  #make(): string {
    const existing = this.#existing
    if (existing !== undefined) return existing
    const problems: string[] = []
    for (const folder of this.#options.candidates) {
      try {
        ensurePrivateFolder(folder)
        return folder
      } catch (error) {
        problems.push(messageOf(error))
      }
    }
    throw new Error(problems[0] ?? 'no folder is named by STATE_DIRECTORY, XDG_STATE_HOME or HOME')
  }
}

/** Copies a snapshot with its files in `node_modules`, which then are part of it. */
async function copySnapshot(from: string, to: string): Promise<void> {
  await rm(to, { recursive: true, force: true })
  const { packages, ...manifest } = JSON.parse(
    await readFile(join(from, 'manifest.json'), 'utf8'),
  ) as Manifest
  await mkdir(to, { mode: 0o700 })
  await cp(join(from, 'files'), join(to, 'files'), { recursive: true })
  const own = join(to, 'packages')
  const inside = join(from, 'packages')
  if (packages !== undefined) await cp(existsSync(inside) ? inside : packages, own, { recursive: true })
  const moved = { ...manifest, ...(packages !== undefined && { packages: own }) }
  await writeFile(join(to, 'manifest.json'), JSON.stringify(moved), { mode: 0o600 })
}

interface Manifest {
  readonly packages?: string
}

async function makeFolder(path: string, account: Account | undefined): Promise<void> {
  if ((await mkdir(path, { recursive: true, mode: 0o700 })) !== undefined && account !== undefined)
    await lendEntry(path, account, FOLDER_MODE)
}

/** Lets a user read what is in the folder, but not change it. */
async function lend(folder: string, account: Account): Promise<void> {
  await lendEntry(folder, account, FOLDER_MODE)
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const mode = entry.isDirectory() ? FOLDER_MODE : FILE_MODE
    await lendEntry(join(entry.parentPath, entry.name), account, mode)
  }
}

async function lendEntry(path: string, { gid }: Account, mode: number): Promise<void> {
  await chown(path, 0, gid)
  await chmod(path, mode)
}

/** Undefined when nothing can be read; the instance then starts without verdicts. */
function readFindings(path: string): Findings | undefined {
  try {
    const value: unknown = JSON.parse(readOwnFile(path))
    return isFindings(value) ? { condemned: value.condemned, good: value.good } : undefined
  } catch {
    // ENOENT, ELOOP, or cut short.
    return undefined
  }
}

function isFindings(value: unknown): value is Findings {
  if (!isRecord(value) || value['version'] !== VERSION) return false
  const { condemned, good } = value
  return Array.isArray(condemned) && condemned.every(isVerdict) && (good === undefined || isKept(good))
}

function isVerdict(value: unknown): value is Verdict {
  if (!isRecord(value) || typeof value['atMs'] !== 'number') return false
  return ['generation', 'by', 'reason'].every((name) => typeof value[name] === 'string')
}

/** Checks the name of a copy, because it becomes part of a path. */
function isKept(value: unknown): value is KeptGeneration {
  if (!isRecord(value) || typeof value['cwd'] !== 'string') return false
  return typeof value['generation'] === 'string' && COPY.test(value['generation'])
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}
