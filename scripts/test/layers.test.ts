/**
 * Which files may import which in the balancer, in the manager, in the compiler, and in the packages that put the
 * server together.
 */
import { describe, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Glob } from 'bun'

/** Folders of the sources, and files beside them, from the bottom up: each imports only from lower floors. */
type Floors = readonly (readonly string[])[]

/** By package, or by a folder of one. */
const PACKAGES: Readonly<Record<string, Floors>> = {
  'rip-balancer': [
    ['transport', 'http1', 'text', 'settings', 'answers', 'state-table.ts', 'stale-socket.ts'],
    ['address', 'defaults.ts', 'errors.ts', 'text.ts'],
    ['tls', 'forwarding', 'http2'],
    ['upstream', 'page-script'],
    ['pool'],
    ['exchange', 'config', 'events.ts'],
    ['listener', 'discovery', 'log', 'metrics', 'pages'],
    [
      'admin',
      'fetch',
      'balancer-hooks.ts',
      'balancer-state.ts',
      'configured-plane.ts',
      'exchange-observer.ts',
      'pool-observer.ts',
    ],
    ['balancer.ts', 'supervisor.ts'],
    ['cli'],
    ['index.ts', 'main.ts'],
  ],
  'rip-manager': [
    ['contract'],
    ['system', 'machine', 'testing'],
    ['socket', 'process', 'watch'],
    ['control', 'links', 'run-dir', 'systemd', 'verify'],
    ['manager', 'meeting'],
    ['index.ts', 'testing.ts'],
  ],
  'rip-transpile/src/compiler': [
    ['binding.ts', 'lexer.ts', 'scan.ts', 'schema-runtime.ts', 'source-map.ts'],
    ['scope.ts'],
    ['ast.ts', 'conflict.ts'],
    ['schema-words.ts', 'type-imports.ts'],
    ['parser'],
    ['lower', 'declare'],
    ['print.ts'],
    ['index.ts'],
  ],
  'rip-server': [
    ['message-of.ts', 'real-path.ts'],
    ['errors.ts', 'output', 'programs', 'joining'],
    ['settings'],
    ['instance', 'tenants', 'builder'],
    ['application', 'front', 'live', 'ops'],
    ['server'],
    ['define-config.ts', 'settings.ts', 'sources.ts', 'text.ts', 'index.ts'],
  ],
  'rip-server-cli': [
    [
      'exit-code.ts',
      'defaults.ts',
      'real-path.ts',
      'working-folder.ts',
      'early-signals.ts',
      'own-manifest.ts',
      'only-serves.ts',
      'terminal',
    ],
    ['errors.ts', 'signals.ts'],
    ['command-line', 'expected-exit-code.ts'],
    ['invocation.ts'],
    ['instance', 'inspection', 'diagnosis', 'starter', 'top'],
    ['commands'],
    ['run.ts'],
    ['programs.ts', 'run-here.ts'],
    ['main.ts', 'serving.ts'],
    ['launch.ts', 'index.ts'],
  ],
}

/** Fewer files would mean that the search has missed some. */
const LEAST_SOURCES: Readonly<Record<string, number>> = { 'rip-balancer': 100 }

/** The files of a package with the files they import, types included; paths are relative to the sources. */
type Imports = ReadonlyMap<string, readonly string[]>

function importsIn(sources: string): Imports {
  return new Map([...new Glob('**/*.ts').scanSync(sources)].map((file) => [file, importsOf(sources, file)]))
}

function importsOf(sources: string, file: string): readonly string[] {
  const text = readFileSync(join(sources, file), 'utf8')
  return [...text.matchAll(/(?:\bfrom|\bimport\(?)\s*'(\.[^']+)'/g)]
    .map(([, path = '']) => relative(sources, join(sources, dirname(file), path)))
    .filter((path) => !path.startsWith('..'))
}

/** The files of an import cycle through this one, if there is one. */
function circleThrough(imports: Imports, file: string): readonly string[] | undefined {
  const cameFrom = new Map<string, string>()
  const next = [file]
  for (let at = next.shift(); at !== undefined; at = next.shift())
    for (const imported of imports.get(at) ?? []) {
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

for (const [name, floors] of Object.entries(PACKAGES)) {
  const folder = name.includes('/') ? name : `${name}/src`
  const imports = importsIn(fileURLToPath(new URL(`../../packages/${folder}`, import.meta.url)))
  const floorOf = (file: string): number => floors.findIndex((floor) => floor.includes(folderOf(file)))

  describe(`the sources of ${name}`, () => {
    test('are all on a floor', () => {
      expect(imports.size).toBeGreaterThan(LEAST_SOURCES[name] ?? 30)
      expect([...imports.keys()].filter((file) => floorOf(file) < 0)).toEqual([])
    })

    test('import nothing from their own floor or from one above, but from their own folder', () => {
      const upwards: string[] = []
      for (const [file, all] of imports)
        for (const imported of all)
          if (folderOf(file) !== folderOf(imported) && floorOf(imported) >= floorOf(file))
            upwards.push(`${file} imports ${imported}`)
      expect(upwards).toEqual([])
    })

    test('import each other in no circle', () => {
      const circles = [...imports.keys()].flatMap((file) => circleThrough(imports, file)?.join(' → ') ?? [])
      expect(circles).toEqual([])
    })
  })
}
