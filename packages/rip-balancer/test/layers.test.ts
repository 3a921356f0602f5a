import { describe, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Glob } from 'bun'

const SOURCES = fileURLToPath(new URL('../src', import.meta.url))

/** Folders of the sources, and files beside them, from the bottom up: each imports only from floors below its own. */
const FLOORS: readonly (readonly string[])[] = [
  ['transport', 'http1', 'text', 'settings', 'answers', 'state-table.ts', 'stale-socket.ts'],
  ['address', 'defaults.ts', 'errors.ts', 'text.ts'],
  ['tls', 'forwarding'],
  ['upstream'],
  ['pool'],
  ['exchange', 'config', 'events.ts'],
  ['listener', 'discovery', 'log', 'metrics', 'pages'],
  ['admin', 'fetch'],
  ['balancer.ts', 'supervisor.ts'],
  ['cli'],
  ['index.ts', 'main.ts'],
]

/** Files of the package that each file imports, types included, by paths below the sources. */
const IMPORTS: ReadonlyMap<string, readonly string[]> = new Map(
  [...new Glob('**/*.ts').scanSync(SOURCES)].map((file) => [file, importsOf(file)]),
)

function importsOf(file: string): readonly string[] {
  const text = readFileSync(join(SOURCES, file), 'utf8')
  return [...text.matchAll(/(?:\bfrom|\bimport\(?)\s*'(\.[^']+)'/g)].map(([, path = '']) =>
    relative(SOURCES, join(SOURCES, dirname(file), path)),
  )
}

/** The files of a circle through this one, if there is one. */
function circleThrough(file: string): readonly string[] | undefined {
  const cameFrom = new Map<string, string>()
  const next = [file]
  for (let at = next.shift(); at !== undefined; at = next.shift())
    for (const imported of IMPORTS.get(at) ?? []) {
      if (imported === file) return wayTo(at, cameFrom, file)
      if (cameFrom.has(imported)) continue
      cameFrom.set(imported, at)
      next.push(imported)
    }
  return undefined
}

function wayTo(last: string, cameFrom: ReadonlyMap<string, string>, first: string): readonly string[] {
  const way = [last]
  for (let at = last; at !== first;) way.unshift((at = cameFrom.get(at)!))
  return way
}

const folderOf = (file: string): string => file.split('/')[0]!

const floorOf = (file: string): number => FLOORS.findIndex((floor) => floor.includes(folderOf(file)))

describe('the sources', () => {
  test('are all on a floor', () => {
    expect(IMPORTS.size).toBeGreaterThan(100)
    expect([...IMPORTS.keys()].filter((file) => floorOf(file) < 0)).toEqual([])
  })

  test('import nothing from their own floor or from one above, but from their own folder', () => {
    const upwards: string[] = []
    for (const [file, imports] of IMPORTS)
      for (const imported of imports)
        if (folderOf(file) !== folderOf(imported) && floorOf(imported) >= floorOf(file))
          upwards.push(`${file} imports ${imported}`)
    expect(upwards).toEqual([])
  })

  test('import each other in no circle', () => {
    const circles = [...IMPORTS.keys()].flatMap((file) => circleThrough(file)?.join(' → ') ?? [])
    expect(circles).toEqual([])
  })
})
