import { readdirSync, readFileSync, statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const PACKAGE = fileURLToPath(new URL('..', import.meta.url))

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
  const { version } = JSON.parse(readFileSync(`${PACKAGE}package.json`, 'utf8')) as { version: string }
  return PACKAGE.includes('/node_modules/') ? version : `${version}+${stateOf(`${PACKAGE}src`)}`
}

function stateOf(folder: string): string {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).toSorted()
  const states = files.map((file) => {
    const { size, mtimeMs } = statSync(`${folder}/${file}`)
    return `${file} ${size} ${mtimeMs}`
  })
  return Bun.hash(states.join('\n')).toString(36)
}
