import { existsSync, mkdirSync, readFileSync, realpathSync, renameSync, writeFileSync } from 'node:fs'
import { extname, join, resolve } from 'node:path'
import type { Adapter } from '../adapter.ts'
import { bunModule } from '../bun-module.ts'
import { CompileError } from '../compile-error.ts'
import { COMPILED_EXTENSIONS } from './compiled-extensions.ts'
import { contentPath, MANIFEST_VERSION } from './manifest.ts'
import type { SnapshotFile } from './manifest.ts'
import { isModule, moduleFiles } from './module-files.ts'
import { writeManifest } from './write-manifest.ts'

export interface BuildSnapshotOptions {
  /** Folder of the application. */
  readonly root: string
  /** Folder the snapshot is written to; created if missing. */
  readonly out: string
  readonly generation?: string
  /** What belongs to the application, as paths relative to the root. @default every module below the root */
  readonly files?: readonly string[]
  /** The compiler for files with this ending. */
  adapterFor(extension: string): Adapter
}

export interface BuiltSnapshot {
  readonly files: number
  /** Files that are in a language to compile. */
  readonly compiled: number
}

/** Some files could not be compiled. */
export class SnapshotError extends Error {
  override readonly name = 'SnapshotError'
  readonly code = 'RIP_SNAPSHOT'
  /** At least one, in order of the files' paths. */
  readonly errors: readonly CompileError[]

  constructor(errors: readonly CompileError[]) {
    super(errors.map((error) => error.message).join('\n\n'))
    this.errors = errors
  }
}

/**
 * Freezes an application's code: every module is compiled if need be and copied by content, so that it can
 * be loaded again whatever happens to the files.
 *
 * @throws {SnapshotError} When source does not compile. No manifest is written then.
 */
export async function buildSnapshot(options: BuildSnapshotOptions): Promise<BuiltSnapshot> {
  const root = realpathSync(options.root)
  mkdirSync(contentPath(options.out, ''), { recursive: true, mode: 0o700 })
  const files: Record<string, SnapshotFile> = {}
  const errors: CompileError[] = []
  let compiled = 0
  const paths = options.files?.filter(isModule) ?? moduleFiles(root)
  for (const path of paths) {
    try {
      const file = await freeze(join(root, path), options)
      files[path] = file
      if (file.code !== undefined) compiled++
    } catch (error) {
      if (!(error instanceof CompileError)) throw error
      errors.push(error)
    }
  }
  if (errors.length > 0) throw new SnapshotError(errors)
  const generation = options.generation === undefined ? {} : { generation: options.generation }
  const namedRoot = resolve(options.root)
  writeManifest(options.out, { version: MANIFEST_VERSION, root, namedRoot, ...generation, files })
  return { files: Object.keys(files).length, compiled }
}

async function freeze(path: string, options: BuildSnapshotOptions): Promise<SnapshotFile> {
  const bytes = readFileSync(path)
  const hash = store(options.out, bytes)
  const extension = extname(path)
  if (!COMPILED_EXTENSIONS.has(extension)) return { hash }
  const adapter = options.adapterFor(extension)
  const result = await adapter.compile(bytes.toString('utf8'), { filename: path, sourceMap: true })
  return { hash, code: store(options.out, bunModule(result)) }
}

/**
 * Keeps content under the name of its hash, which is returned. It appears in one step: what a builder that was killed,
 * or met a full disk, leaves behind must not pass for the whole.
 */
function store(snapshot: string, content: string | Buffer): string {
  const hash = new Bun.CryptoHasher('sha256').update(content).digest('hex')
  const path = contentPath(snapshot, hash)
  if (existsSync(path)) return hash
  const temporary = `${path}.${process.pid}.tmp`
  writeFileSync(temporary, content, { mode: 0o600 })
  renameSync(temporary, path)
  return hash
}
