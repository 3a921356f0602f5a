import { describe, expect, test } from 'bun:test'
import { chownSync, mkdirSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs'
import { findEntry } from '../src/index.ts'
import { Folder } from './helpers.ts'

const names = ['index', 'app', 'server', 'main']
const extensions = ['.rip', '.ts', '.tsx', '.mts', '.cts', '.js', '.jsx', '.mjs', '.cjs']
const inOrder = names.flatMap((name) => extensions.map((extension) => name + extension))

test('the first of the conventional names wins over all others', () => {
  for (const [position, name] of inOrder.entries()) {
    using folder = new Folder(Object.fromEntries(inOrder.slice(position).map((file) => [file, ''])))
    expect(findEntry(folder.path)).toEqual({ file: folder.file(name), foundBy: 'convention' })
  }
})

test('a given file is taken without a search, relative to the working directory', () => {
  using folder = new Folder({ 'src/odd.name.ts': '', 'index.ts': '' })
  const entry = findEntry('src/odd.name.ts', { cwd: folder.path })
  expect(entry).toEqual({ file: folder.file('src/odd.name.ts'), foundBy: 'given' })
})

test('package.json names the file by rip.entry, before any convention', () => {
  using folder = new Folder({
    'index.ts': '',
    'src/http.ts': '',
    'package.json': '{ "rip": { "entry": "src/http.ts" } }',
  })
  expect(findEntry(folder.path)).toEqual({ file: folder.file('src/http.ts'), foundBy: 'package.json' })
})

test('the same names count in src, after those of the folder itself', () => {
  for (const [position, name] of inOrder.entries()) {
    using folder = new Folder(Object.fromEntries(inOrder.slice(position).map((file) => [`src/${file}`, ''])))
    expect(findEntry(folder.path)).toEqual({ file: folder.file(`src/${name}`), foundBy: 'convention' })
  }
  using folder = new Folder({ 'src/index.rip': '', 'main.cjs': '' })
  expect(findEntry(folder.path).file).toBe(folder.file('main.cjs'))
})

test.each([
  ['a file', { main: 'server/run.js' }, ['server/run.js', 'src/index.ts'], 'server/run.js'],
  ['a file in front of main', { module: 'a.mjs', main: 'b.cjs' }, ['a.mjs', 'b.cjs'], 'a.mjs'],
  ['no file in front of main', { module: 'a.mjs', main: 'b.cjs' }, ['b.cjs'], 'b.cjs'],
  ['a path without ending', { main: './bin/www' }, ['bin/www.js'], 'bin/www.js'],
  ['a folder', { main: './server' }, ['server/index.cts'], 'server/index.cts'],
  ['a name in exports', { exports: './run.ts' }, ['run.ts'], 'run.ts'],
  ['the package in exports', { exports: { './x': './x.js', '.': './run.ts' } }, ['x.js', 'run.ts'], 'run.ts'],
  [
    'conditions in exports',
    { exports: { '.': { types: './r.d.ts', browser: './b.js', import: { default: './r.js' } } } },
    ['r.d.ts', 'b.js', 'r.js'],
    'r.js',
  ],
  ['alternatives in exports', { exports: { '.': ['./gone.js', './r.js'] } }, ['r.js'], 'r.js'],
  ['a null in exports', { exports: { '.': null }, main: 3 }, ['src/app.ts'], 'src/app.ts'],
  ['a build, beside its source', { main: 'dist/run.js' }, ['dist/run.js', 'src/run.ts'], 'src/run.ts'],
  ['a build that was never made', { module: './dist/a/b.mjs' }, ['src/a/b.mts'], 'src/a/b.mts'],
  ['a build of files at the top', { main: 'build/run.js' }, ['run.ts'], 'run.ts'],
  ['a build without ending', { main: 'dist/run' }, ['src/run.ts'], 'src/run.ts'],
  ['a build, beside other sources', { main: 'dist/x.js' }, ['dist/x.js', 'src/index.ts'], 'src/index.ts'],
  ['a build, and no sources are there', { main: './dist/x.js' }, ['dist/x.js'], 'dist/x.js'],
  ['lib, which is a build here', { main: 'lib/x.js' }, ['lib/x.js', 'src/x.ts'], 'src/x.ts'],
  ['lib, which is written by hand', { main: 'lib/x.js' }, ['lib/x.js', 'src/index.jsx'], 'lib/x.js'],
  ['a script that is TypeScript', { module: 'src/bot.js' }, ['src/bot.ts', 'src/index.ts'], 'src/bot.ts'],
  ['types alone', { main: 'run.d.ts' }, ['run.d.ts', 'src/app.ts'], 'src/app.ts'],
])('package.json names %s', (_, manifest: object, files: readonly string[], expected) => {
  using folder = new Folder(Object.fromEntries(files.map((file) => [file, ''])))
  folder.write('package.json', JSON.stringify(manifest))
  expect(findEntry(folder.path).file).toBe(folder.file(expected))
})

test('a snapshot that is not there is an error of the loader', () => {
  using folder = new Folder({ 'app.js': '' })
  expect(() => findEntry(folder.path, { snapshot: folder.file('gone') })).toThrow(
    'the loader of .rip files and snapshots could not be set up: ',
  )
})

describe('where several files have usual names, "start" of package.json decides', () => {
  const both = ['app.js', 'server.js']

  test.each([
    ['node server.js', both, 'server.js'],
    ['node ./server', both, 'server.js'],
    ['NODE_ENV=production node --enable-source-maps server.js', both, 'server.js'],
    ['cross-env PORT=80 node -r dotenv/config server.js', both, 'server.js'],
    ['bun run server.js', both, 'server.js'],
    [
      'node dist/server.js',
      ['src/app.ts', 'src/server.ts', 'dist/app.js', 'dist/server.js'],
      'src/server.ts',
    ],
    ['tsx watch src/server.ts', ['src/app.ts', 'src/server.ts'], 'src/server.ts'],
    ['node server.js --port 80', both, 'app.js'],
    ['node gone.js', both, 'app.js'],
    ['node ./bin/www', [...both, 'bin/www.js'], 'app.js'],
    ['node build/index.js', ['build/index.js', 'src/app.ts'], 'src/app.ts'],
    ['npm run build && node server.js', both, 'app.js'],
    ['next start', both, 'app.js'],
  ])('%s', (start, files, expected) => {
    using folder = new Folder(Object.fromEntries(files.map((file) => [file, ''])))
    folder.write('package.json', JSON.stringify({ scripts: { start } }))
    expect(findEntry(folder.path).file).toBe(folder.file(expected))
  })

  test('in development, the development server of a framework is started all the same', () => {
    using folder = new Folder({ 'server/index.js': '', 'index.html': '', 'vite.config.js': '' })
    const scripts = { start: 'node server/index.js', dev: 'vite' }
    folder.write('package.json', JSON.stringify({ scripts, devDependencies: { vite: '8' } }))
    expect(findEntry(folder.path).file).toBe(folder.file('server/index.js'))
    expect(findEntry(folder.path, { isDevelopment: true }).command?.at(-1)).toBe('dev')
  })

  test('the reason is given, unless it is the file that is found by its name', () => {
    using folder = new Folder({ 'app.js': '', 'server.js': '' })
    folder.write('package.json', '{ "scripts": { "start": "node server.js" } }')
    const server = folder.file('server.js')
    expect(findEntry(folder.path)).toEqual({
      file: server,
      foundBy: 'package.json',
      because: '"start" in package.json',
    })
    folder.write('package.json', '{ "scripts": { "start": "node app.js" } }')
    expect(findEntry(folder.path)).toEqual({ file: folder.file('app.js'), foundBy: 'convention' })
  })
})

test('the reason is given for a file that package.json does not name itself', () => {
  using folder = new Folder({ 'src/run.ts': '', 'package.json': '{ "main": "dist/run.js" }' })
  expect(findEntry(folder.path)).toEqual({
    file: folder.file('src/run.ts'),
    foundBy: 'package.json',
    because: 'the source of dist/run.js, "main" in package.json',
  })
})

test('an index.html beside src makes src the code of a browser, and a folder with the name of a file is ignored', () => {
  using folder = new Folder({ 'src/index.tsx': '', 'index.html': '', 'server.ts/x.md': '' })
  expect(() => findEntry(folder.path)).toThrow('not in src')
  folder.write('package.json', '{ "main": "api/run.ts" }')
  folder.write('api/run.ts', '')
  expect(findEntry(folder.path).file).toBe(folder.file('api/run.ts'))
})

test('if no entry is found, the error names a build and the missing files of package.json', () => {
  using folder = new Folder({ 'dist/index.js': '', 'package.json': '{ "main": "gone.js" }' })
  expect(() => findEntry(folder.path)).toThrow('gone.js ("main" in package.json). There is dist/index.js')
})

test.each([
  '\uFEFF{ "rip": { "entry": "a.ts" } }',
  '{ "rip": { "entry": "a.ts", }, }',
  '{ /* a */ "rip": // b\n{ "entry": "a.ts" } }',
])('package.json is read as Bun reads it: %j', (manifest) => {
  using folder = new Folder({ 'a.ts': '', 'index.ts': '', 'package.json': manifest })
  expect(findEntry(folder.path).file).toBe(folder.file('a.ts'))
})

test.each([
  '',
  '\uFEFF\n',
  '[]',
  '"text"',
  '{}',
  '{ "rip": {} }',
  '{ "rip": null }',
  '{ "main": "other.js" }',
])('a package.json of %s leaves the choice to the conventional names', (manifest) => {
  using folder = new Folder({ 'app.ts': '', 'package.json': manifest })
  expect(findEntry(folder.path).file).toBe(folder.file('app.ts'))
})

test.each([
  [
    'a folder without an application',
    {},
    'RIP_APP_NOT_FOUND',
    'tried index, app, server, main with .rip, .ts, .tsx, .mts, .cts, .js, .jsx, .mjs, .cjs, there and in src',
  ],
  [
    'an entry that is gone',
    { 'package.json': '{ "rip": { "entry": "x.ts" } }' },
    'RIP_APP_MISSING',
    'x.ts does not exist',
  ],
  [
    'an entry that is no path',
    { 'package.json': '{ "rip": { "entry": 3 } }' },
    'RIP_PACKAGE_UNREADABLE',
    '"rip.entry" is 3',
  ],
  [
    'a broken package.json',
    { 'package.json': '{"rip"' },
    'RIP_PACKAGE_UNREADABLE',
    'cannot be read as a package.json',
  ],
])('%s', (_, files: Record<string, string>, code, message) => {
  using folder = new Folder(files)
  expect(() => findEntry(folder.path)).toThrow(
    expect.objectContaining({ code, message: expect.stringContaining(message) }),
  )
})

test('a path that does not exist', () => {
  using folder = new Folder()
  expect(() => findEntry('nowhere', { cwd: folder.path })).toThrow('nowhere does not exist')
})

test('a symbolic link such as `current` stays as the user wrote it', () => {
  using folder = new Folder({ 'releases/7/app.ts': '' })
  symlinkSync(folder.file('releases/7'), folder.file('current'))
  expect(findEntry(folder.file('current')).file).toBe(folder.file('current/app.ts'))
})

describe('with a snapshot', () => {
  const manifest = (folder: Folder, files: readonly string[]): string => {
    const content = {
      version: 1,
      root: folder.file('releases/1'),
      namedRoot: folder.file('current'),
      files: Object.fromEntries(files.map((file) => [file, {}])),
    }
    mkdirSync(folder.file('snapshot'))
    writeFileSync(folder.file('snapshot/manifest.json'), JSON.stringify(content))
    return folder.file('snapshot')
  }

  test.each(['current/app.ts', 'current'])(
    '%s is the file it was when the snapshot was made, even if the link leads elsewhere now',
    (target) => {
      using folder = new Folder({ 'releases/1/app.ts': '', 'releases/2/app.ts': '' })
      symlinkSync(folder.file('releases/2'), folder.file('current'))
      const snapshot = manifest(folder, ['app.ts'])
      expect(findEntry(folder.file(target), { snapshot }).file).toBe(folder.file('releases/1/app.ts'))
    },
  )

  test('a file that was removed from disk is found', () => {
    using folder = new Folder({ 'releases/2/other.ts': '' })
    symlinkSync(folder.file('releases/2'), folder.file('current'))
    const snapshot = manifest(folder, ['app.ts'])
    expect(findEntry(folder.file('current'), { snapshot }).file).toBe(folder.file('releases/1/app.ts'))
  })
})

test.each([
  ['a line', '{\n  "a": secret secret\n}', 'it is not JSON, see line 2, column'],
  ['no JSON at all', 'SECRET=secret', 'it is not JSON'],
  ['a string', '{"a": "secret\n"}', 'it is not JSON, see line 1'],
  ['a word', '{"a": secret}', 'it is not JSON'],
])('a message about a mistake in package.json never quotes the file: %s', (_, content, reason) => {
  using folder = new Folder({ 'package.json': content, 'index.ts': '' })
  const failure = failureOf(() => findEntry(folder.path))
  expect(failure).toMatchObject({ code: 'RIP_PACKAGE_UNREADABLE' })
  expect(failure.message).toContain(reason)
  expect(Bun.inspect(failure)).not.toMatch(/secret/i)
})

test('a package.json that is a FIFO or a folder is refused immediately', () => {
  using folder = new Folder({ 'fifo/index.ts': '', 'folder/package.json/index.ts': '' })
  expect(Bun.spawnSync(['mkfifo', folder.file('fifo/package.json')]).exitCode).toBe(0)
  for (const name of ['fifo', 'folder'])
    expect(failureOf(() => findEntry(folder.file(name))).message).toContain('it is no regular file')
})

test.if(process.geteuid?.() === 0)('a link out of a foreign folder is not followed, one within it is', () => {
  using folder = new Folder({
    'secret.json': '{ "main": "run.ts" }',
    'app/run.ts': '',
    'app/real.json': '{ "main": "run.ts" }',
  })
  const link = folder.file('app/package.json')
  symlinkSync('../secret.json', link)
  expect(findEntry(folder.file('app')).file).toBe(folder.file('app/run.ts'))
  chownSync(folder.file('app'), 65_534, 65_534)
  const failure = failureOf(() => findEntry(folder.file('app'), { isForeign: true }))
  expect(failure).toMatchObject({ code: 'RIP_PACKAGE_UNREADABLE' })
  expect(failure.message).toContain('a link that leads out of its folder')
  unlinkSync(link)
  symlinkSync('real.json', link)
  expect(findEntry(folder.file('app'), { isForeign: true }).file).toBe(folder.file('app/run.ts'))
})

function failureOf(act: () => unknown): Error {
  try {
    act()
  } catch (error) {
    if (error instanceof Error) return error
  }
  throw new Error('it was expected to fail')
}
