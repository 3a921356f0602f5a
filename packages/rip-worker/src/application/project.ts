import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { PackageManifest } from './read-manifest.ts'
import { readRegularFile } from './read-regular-file.ts'

/** What can be seen of a project; all paths are relative to it. */
export interface Project {
  readonly has: (path: string) => boolean
  readonly hasFolder: (path: string) => boolean
  /** The names in a folder. */
  readonly names: (path: string) => readonly string[]
  /** The text of a file, or nothing. */
  readonly text: (path: string) => string
  /** Whether `package.json` names a package that it needs to run, or to be built. */
  readonly depends: (name: string) => boolean
  /** A script of `package.json`. */
  readonly script: (name: string) => string | undefined
}

/** More of a file is not read to find out what it is. */
const MAX_LOOK_BYTES = 2 * 1024 * 1024

/** What can be seen of the project in a folder. */
export function projectIn(folder: string, manifest: PackageManifest): Project {
  const packages = { ...record(manifest.devDependencies), ...record(manifest.dependencies) }
  const scripts = record(manifest.scripts)
  return {
    has: (path) => statOf(join(folder, path))?.isFile() === true,
    hasFolder: (path) => statOf(join(folder, path))?.isDirectory() === true,
    names: (path) => namesIn(join(folder, path)),
    text: (path) => textOf(join(folder, path)),
    depends: (name) => Object.hasOwn(packages, name),
    script: (name) => {
      const script = Object.hasOwn(scripts, name) ? scripts[name] : undefined
      return typeof script === 'string' && script.trim() !== '' ? script : undefined
    },
  }
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {}
}

function statOf(path: string): ReturnType<typeof statSync> {
  try {
    return statSync(path, { throwIfNoEntry: false })
  } catch {
    // ENOTDIR, EACCES: not there for us.
    return undefined
  }
}

function namesIn(path: string): readonly string[] {
  try {
    return readdirSync(path)
  } catch {
    // ENOENT, ENOTDIR, EACCES: nothing for us.
    return []
  }
}

function textOf(path: string): string {
  try {
    return readRegularFile(path, { maxBytes: MAX_LOOK_BYTES })
  } catch {
    // ENOENT, or nothing that should be read.
    return ''
  }
}
