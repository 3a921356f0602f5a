import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { dirname } from 'node:path'
import { pathToRealNode } from '@rip/testing'
import { findEntry, type FindEntryOptions } from '../src/index.ts'
import { Folder } from './helpers.ts'

type Files = Readonly<Record<string, string>>

const path = process.env['PATH']
beforeAll(() => void (process.env['PATH'] = pathToRealNode()))
afterAll(() => void (process.env['PATH'] = path))

const manifest = (dependencies: readonly string[], scripts: Files = {}): string =>
  JSON.stringify({ dependencies: Object.fromEntries(dependencies.map((name) => [name, '*'])), scripts })

/** What each framework leaves in a project, as far as it is looked at. */
const builds = {
  nitro: {
    'server/routes/index.ts': '',
    '.output/nitro.json': '{ "preset": "node-server" }',
    '.output/server/index.mjs': '',
  },
  nuxt: {
    'app/app.vue': '',
    '.output/nitro.json': '{ "preset": "node-server", "framework": { "name": "nuxt", "version": "4.5.2" } }',
    '.output/server/index.mjs': '',
  },
  nitroForAnother: {
    '.output/nitro.json': '{ "preset": "node-listener" }',
    '.output/server/index.mjs': '',
    '.output/public/a.js': '',
  },
  analog: {
    'package.json': manifest(['@analogjs/platform']),
    'dist/analog/server/index.mjs': '',
    'src/main.ts': '',
  },
  nextStandalone: {
    'package.json': manifest(['next'], { start: 'next start' }),
    '.next/BUILD_ID': 'x',
    '.next/standalone/server.js': '',
    '.next/static/x.js': '',
  },
  nextInWorkspace: {
    'package.json': manifest(['next']),
    '.next/BUILD_ID': 'x',
    '.next/required-server-files.json': '{ "relativeAppDir": "apps/web" }',
    '.next/standalone/apps/web/server.js': '',
  },
  svelteKit: {
    'build/handler.js': '',
    'build/index.js': '',
    'build/server/index.js': '',
    'build/client/a.js': '',
  },
  svelteKitHandler: { 'build/handler.js': '' },
  astroStandalone: {
    'dist/server/entry.mjs': "import './chunks/a_1.mjs'",
    'dist/server/chunks/a_1.mjs': 'var mode = "standalone";',
  },
  astroMiddleware: {
    'dist/server/entry.mjs': 'export { t as handler } from "./chunks/a_1.mjs"',
    'dist/server/chunks/a_1.mjs': 'var mode = "middleware";',
  },
  astroMiddlewareBefore: {
    'dist/server/entry.mjs': 'const _args = {"mode":"middleware","client":"file:///"}',
  },
  reactRouter: { 'app/root.tsx': '', 'build/server/index.js': '', 'build/client/assets/a.js': '' },
  tanStack: { 'src/router.tsx': '', 'dist/server/server.js': '', 'dist/client/assets/a.js': '' },
  solidStart: {
    'package.json': manifest(['@solidjs/start']),
    'src/app.tsx': '',
    '.output/server/index.mjs': '',
  },
  qwik: {
    'src/root.tsx': '',
    'server/entry.ssr.js': '',
    'server/entry.node-server.js': '',
    'dist/index.html': '',
  },
  qwikBun: { 'server/entry.bun.js': '', 'server/entry.ssr.js': '' },
  nest: { 'package.json': manifest(['@nestjs/core'], { start: 'nest start' }), 'dist/main.js': '' },
} satisfies Readonly<Record<string, Files>>

/** Entry and announcement, and the folders of files as `PATH=FOLDER`. */
function found(files: Files, options: FindEntryOptions = {}): readonly string[] {
  using folder = new Folder(files)
  const { file, because = '', command, static: folders = [] } = findEntry(folder.path, options)
  const near = (path: string): string => path.slice(folder.path.length + 1)
  return [
    command?.join(' ') ?? near(file),
    because,
    ...folders.map((each) => `${each.at}=${near(each.folder)}`),
  ]
}

test.each([
  ['Nitro', builds.nitro, '.output/server/index.mjs', 'Nitro build in .output'],
  ['Nuxt', builds.nuxt, '.output/server/index.mjs', 'Nuxt build in .output'],
  [
    'Nitro for another server, which has to serve its files',
    builds.nitroForAnother,
    '.output/server/index.mjs',
    'Nitro build in .output',
    '/=.output/public',
  ],
  ['Analog', builds.analog, 'dist/analog/server/index.mjs', 'Nitro build in dist/analog'],
  [
    'Next.js, standalone',
    builds.nextStandalone,
    '.next/standalone/server.js',
    'Next.js standalone build in .next/standalone',
    '/_next/static=.next/static',
    '/=public',
  ],
  [
    'Next.js, standalone in a workspace',
    builds.nextInWorkspace,
    '.next/standalone/apps/web/server.js',
    'Next.js standalone build in .next/standalone/apps/web',
    '/_next/static=.next/static',
    '/=public',
  ],
  ['SvelteKit', builds.svelteKit, 'build/index.js', 'SvelteKit build in build'],
  ['SvelteKit, for another server', builds.svelteKitHandler, 'build/handler.js', 'SvelteKit build in build'],
  ['Astro', builds.astroStandalone, 'dist/server/entry.mjs', 'Astro build in dist'],
  [
    'Astro as middleware',
    builds.astroMiddleware,
    'dist/server/entry.mjs',
    'Astro build in dist',
    '/=dist/client',
  ],
  [
    'Astro as middleware, in one file',
    builds.astroMiddlewareBefore,
    'dist/server/entry.mjs',
    'Astro build in dist',
    '/=dist/client',
  ],
  [
    'React Router',
    builds.reactRouter,
    'build/server/index.js',
    'React Router build in build',
    '/=build/client',
  ],
  [
    'TanStack Start',
    builds.tanStack,
    'dist/server/server.js',
    'TanStack Start build in dist',
    '/=dist/client',
  ],
  ['SolidStart', builds.solidStart, '.output/server/index.mjs', 'Nitro build in .output'],
  ['Qwik City', builds.qwik, 'server/entry.node-server.js', 'Qwik City build in server/entry.node-server.js'],
  ['Qwik City for Bun', builds.qwikBun, 'server/entry.bun.js', 'Qwik City build in server/entry.bun.js'],
  ['NestJS without its sources', builds.nest, 'dist/main.js', 'NestJS build in dist'],
] as readonly (readonly [string, Files, ...string[]])[])(
  'the build of %s is found, and announced',
  (_, files, ...expected) => {
    expect(found(files)).toEqual(expected)
  },
)

test('a build of Nitro that has of its packages only what Node.js loads is run by that', () => {
  const packageOf = (name: string, exports: object): Files => ({
    [`.output/server/node_modules/${name}/package.json`]: JSON.stringify({ name, exports }),
    [`.output/server/node_modules/${name}/node.mjs`]: '',
  })
  const conditions = { bun: './bun.mjs', node: './node.mjs' }
  for (const name of ['h3', '@scope/h3']) {
    const traced = { ...builds.nitro, ...packageOf(name, { '.': conditions }) }
    expect(found(traced)).toEqual(['node .output/server/index.mjs', 'Nitro build in .output'])
    const whole = { ...traced, [`.output/server/node_modules/${name}/bun.mjs`]: '' }
    expect(found(whole)[0]).toBe('.output/server/index.mjs')
  }
  const nested = packageOf('h3', { '.': { bun: { types: './bun.d.ts', default: './bun.mjs' } } })
  expect(found({ ...builds.nitro, ...nested })[0]).toBe('node .output/server/index.mjs')
  const file = '.output/server/node_modules/h3/bun.mjs'
  expect(found({ ...builds.nitro, ...nested, [file]: '' })[0]).toBe('.output/server/index.mjs')
  expect(found({ ...builds.nitro, ...packageOf('vue', { '.': './node.mjs' }) })[0]).toBe(
    '.output/server/index.mjs',
  )
})

test('a build of Remix is run by its own server', () => {
  const start = manifest(['@remix-run/react'], { start: 'remix-serve ./build/server/index.js' })
  expect(found({ ...builds.reactRouter, 'package.json': start })).toEqual([
    'bun run --silent start',
    'Remix build in build',
  ])
  expect(found({ ...builds.reactRouter, 'package.json': manifest(['@remix-run/react']) })[0]).toBe(
    'node_modules/.bin/remix-serve build/server/index.js',
  )
})

test('next start runs a build of Next.js, by the script that the project has for it', () => {
  const built = { '.next/BUILD_ID': 'x' }
  expect(found({ ...built, 'package.json': manifest(['next'], { start: 'next start -p 80' }) })).toEqual([
    'bun run --silent start',
    'Next.js build in .next',
  ])
  expect(found({ ...built, 'package.json': manifest(['next']) })[0]).toBe('node_modules/.bin/next start')
})

test.each([
  [
    'Vite',
    {
      'package.json': manifest(['vite'], { dev: 'vite' }),
      'index.html': '',
      'src/main.ts': '',
      'dist/index.html': '',
    },
    'dist',
    'Vite build in dist',
  ],
  [
    'a static export of Next.js',
    { 'package.json': manifest(['next']), 'out/index.html': '' },
    'out',
    'static export of Next.js in out',
  ],
  [
    'Nuxt without a server',
    { 'package.json': manifest(['nuxt']), '.output/nitro.json': '{}', '.output/public/index.html': '' },
    '.output/public',
    'static build of Nuxt in .output/public',
  ],
  [
    'Angular',
    {
      'package.json': manifest(['@angular/build'], { start: 'ng serve' }),
      'angular.json': '{ "projects": { "shop": {} } }',
      'src/main.ts': '',
      'dist/shop/browser/index.html': '',
    },
    'dist/shop/browser',
    'build of pages in dist/shop/browser',
  ],
])('pages are served where a project has nothing else: %s', (_, files, folder, because) => {
  expect(found(files)).toEqual([`${folder}/index.html`, because, `/=${folder}`])
})

test('a page among the files of a project is refused, because they are not for clients', () => {
  using project = new Folder({ 'package.json': '{}', 'index.html': '', 'dist/index.html': '' })
  expect(() => findEntry(project.file('index.html'))).toThrow('is a page among the files of a project')
  expect(findEntry(project.file('dist/index.html'))).toEqual({
    file: project.file('dist/index.html'),
    foundBy: 'given',
    static: [{ at: '/', folder: project.file('dist') }],
  })
})

test('a folder that is a build itself is served when it is named', () => {
  using project = new Folder({ ...builds.nuxt, 'dist/index.html': '', 'dist/assets/a.js': '' })
  expect(findEntry(project.file('.output'))).toMatchObject({
    file: project.file('.output/server/index.mjs'),
    because: 'Nuxt build',
  })
  expect(findEntry(project.file('dist'))).toMatchObject({
    file: project.file('dist/index.html'),
    static: [{ at: '/', folder: project.file('dist') }],
  })
})

describe('what is written by hand comes before what is built', () => {
  test.each([
    ['a server in the folder', { 'server.js': '' }, 'server.js'],
    [
      '"main" in package.json',
      { 'package.json': '{ "main": "lib/run.js" }', 'lib/run.js': '' },
      'lib/run.js',
    ],
    ['"rip.entry"', { 'package.json': '{ "rip": { "entry": "a.ts" } }', 'a.ts': '' }, 'a.ts'],
  ])('%s', (_, files: Files, expected) => {
    expect(found({ ...builds.svelteKit, ...files })[0]).toBe(expected)
  })

  test('the server that the start script runs around a build without one', () => {
    const start = manifest([], { start: 'node run-server.mjs' })
    const files = { ...builds.astroMiddleware, 'package.json': start, 'run-server.mjs': '' }
    expect(found(files)).toEqual(['run-server.mjs', '"start" in package.json'])
    const around = manifest([], { start: 'node ./dist/server/entry.mjs' })
    expect(found({ ...files, 'package.json': around })[0]).toBe('dist/server/entry.mjs')
    expect(found({ ...builds.astroStandalone, 'package.json': start, 'run-server.mjs': '' })[0]).toBe(
      'dist/server/entry.mjs',
    )
  })

  test('sources of NestJS, which a worker loads', () => {
    expect(found({ ...builds.nest, 'src/main.ts': '' })[0]).toBe('src/main.ts')
  })

  test('a server in src before pages, and the start script of package.json as well', () => {
    const pages = { 'dist/index.html': '' }
    expect(found({ ...pages, 'src/index.ts': '' })[0]).toBe('src/index.ts')
    expect(found({ ...pages, 'package.json': manifest([], { start: 'node server/run.js' }) })).toEqual([
      'bun run --silent start',
      '"start" in package.json',
    ])
  })
})

test('a framework that no script of the project uses does not keep its sources from being served', () => {
  const docs = manifest(['astro', 'hono'], { dev: 'bun --hot src/index.ts', docs: 'astro dev' })
  expect(found({ 'package.json': docs, 'src/index.ts': '' })[0]).toBe('src/index.ts')
  expect(found({ 'package.json': docs, 'src/index.ts': '' }, { isDevelopment: true })[0]).toBe('src/index.ts')
})

test('with two builds both are named, and none is served', () => {
  using folder = new Folder({ ...builds.nitro, ...builds.svelteKit })
  expect(() => findEntry(folder.path)).toThrow(
    'has 2 builds: Nitro build in .output, SvelteKit build in build. Remove those that are not meant',
  )
  using adapters = new Folder({ ...builds.qwik, ...builds.qwikBun })
  expect(() => findEntry(adapters.path)).toThrow(
    'server/entry.node-server.js, Qwik City build in server/entry.bun.js',
  )
  using pages = new Folder({ 'dist/index.html': '', 'out/index.html': '', 'package.json': '{}' })
  expect(() => findEntry(pages.path)).toThrow('build of pages in dist, build of pages in out')
})

test.each([
  [
    'Next.js',
    { 'package.json': manifest(['next'], { dev: 'next dev', start: 'next dev' }), 'src/app/page.tsx': '' },
  ],
  [
    'SolidStart',
    { 'package.json': manifest(['@solidjs/start'], { build: 'vite build' }), 'src/app.tsx': '' },
  ],
  ['Vite', { 'package.json': manifest(['vite'], { dev: 'vite' }), 'index.html': '', 'src/main.ts': '' }],
])(
  'a project of %s that is not built is told to build, and its sources are not loaded',
  (framework, files) => {
    using folder = new Folder(files)
    expect(() => findEntry(folder.path)).toThrow(`is a ${framework} project without a build`)
  },
)

test('a start script that starts this server, or a server for development, starts nothing', () => {
  for (const start of [
    'rip-server',
    'bunx rip-server start -p 80',
    'vite --open',
    'react-scripts start',
    ' ',
  ]) {
    using folder = new Folder({ 'package.json': manifest([], { start }) })
    expect(() => findEntry(folder.path)).toThrow('no application found')
  }
  using folder = new Folder({ 'package.json': '{ "scripts": { "start": 7 } }' })
  expect(() => findEntry(folder.path)).toThrow('no application found')
})

describe('in development', () => {
  const isDevelopment = true

  test.each([
    ['Next.js', { 'package.json': manifest(['next'], { dev: 'next dev' }), ...builds.nitro }],
    ['SvelteKit', { 'package.json': manifest(['@sveltejs/kit'], { dev: 'vite dev' }) }],
    ['Vite', { 'package.json': manifest(['vite'], { dev: 'vite' }), 'index.html': '' }],
    [
      'Qwik City',
      { 'package.json': manifest(['@builder.io/qwik-city'], { dev: 'vite --mode ssr', start: 'vite' }) },
    ],
    ['Nitro', { 'package.json': manifest(['nitropack'], { dev: 'nitropack dev' }) }],
  ])('the framework has a server of its own: %s', (framework, files) => {
    expect(found(files, { isDevelopment })).toEqual([
      'bun run --silent dev',
      `development server of ${framework}`,
    ])
  })

  test('the script may be named start, and one that starts this server is none', () => {
    const angular = { 'package.json': manifest(['@angular/build'], { start: 'ng serve' }), 'src/main.ts': '' }
    expect(found(angular, { isDevelopment })[0]).toBe('bun run --silent start')
    const ours = { 'package.json': manifest(['nuxt'], { dev: 'rip-server dev' }), ...builds.nuxt }
    ours['package.json'] = manifest(['nuxt'], { dev: 'rip-server dev' })
    expect(found(ours, { isDevelopment })[0]).toBe('.output/server/index.mjs')
  })

  test('a tool that wants another Node.js than there is runs on Bun', () => {
    const needing = (range: string): Files => ({
      'package.json': manifest(['astro'], { dev: 'astro dev' }),
      'node_modules/astro/package.json': JSON.stringify({ engines: { npm: '>=9', node: range } }),
    })
    expect(found(needing('>=4'), { isDevelopment })[0]).toBe('bun run --silent dev')
    expect(found(needing('>=999.1.0 || ^998'), { isDevelopment })).toEqual([
      'bun --bun run --silent dev',
      'development server of Astro, on Bun: it wants Node.js >=999.1.0 || ^998',
    ])
  })

  test('what a worker can load is served as ever', () => {
    expect(
      found(
        { 'package.json': manifest(['hono'], { dev: 'bun --hot src/index.ts' }), 'src/index.ts': '' },
        { isDevelopment },
      )[0],
    ).toBe('src/index.ts')
    expect(
      found({ 'package.json': manifest(['vite'], { dev: 'vite' }), 'server.ts': '' }, { isDevelopment })[0],
    ).toBe('server.ts')
  })
})

test('a build is looked at without following what is no regular file', () => {
  using folder = new Folder({ '.output/server/index.mjs': '' })
  expect(Bun.spawnSync(['mkfifo', folder.file('.output/nitro.json')]).exitCode).toBe(0)
  expect(dirname(findEntry(folder.path).file)).toBe(folder.file('.output/server'))
})
