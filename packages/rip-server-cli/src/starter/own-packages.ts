import { existsSync, lstatSync, mkdirSync, symlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { manifestOf, packageFolder } from '../own-manifest.ts'
import type { OwnPackages } from './package-manifest.ts'

/** The version of a checkout, and of tarballs made from one, which is in no registry. */
const UNRELEASED = '0.0.0'

/** What a starter has to install of ours; nothing where this program itself comes from no registry. */
export function ownPackages(): OwnPackages {
  const { version } = manifestOf('rip-server')
  if (version === UNRELEASED) return undefined
  return { server: version, transpile: manifestOf('@rip/transpile').version }
}

/**
 * Links this very installation into an application, in place of packages that no registry has: `bun run dev` finds the
 * program, and `bun test` the loader of `.rip` files.
 */
export function linkOwnPackages(folder: string): void {
  const server = packageFolder('rip-server')
  const packages = join(folder, 'node_modules')
  link(server, join(packages, 'rip-server'))
  link(join(server, 'bin/rip-server'), join(packages, '.bin/rip-server'))
  link(packageFolder('@rip/transpile'), join(packages, '@rip/transpile'))
}

function link(target: string, path: string): void {
  if (!existsSync(target) || lstatSync(path, { throwIfNoEntry: false }) !== undefined) return
  mkdirSync(dirname(path), { recursive: true })
  symlinkSync(target, path)
}
