import { readdirSync, readFileSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname } from 'node:path'

let known: string | undefined

/**
 * Version of this package, for cache keys. A checkout keeps its version while its code changes, so there the
 * files' sizes and modification times are part of it.
 */
export function packageVersion(): string {
  known ??= readVersion()
  return known
}

function readVersion(): string {
  // By name, since this module may be part of a bundle elsewhere.
  const manifest = createRequire(import.meta.url).resolve('@rip/transpile/package.json')
  const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }
  return manifest.includes('/node_modules/') ? version : `${version}+${stateOf(`${dirname(manifest)}/src`)}`
}

function stateOf(folder: string): string {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).toSorted()
  const states = files.map((file) => {
    const { size, mtimeMs } = statSync(`${folder}/${file}`)
    return `${file} ${size} ${mtimeMs}`
  })
  return Bun.hash(states.join('\n')).toString(36)
}
