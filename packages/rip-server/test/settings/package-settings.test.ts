import { describe, expect, test } from 'bun:test'
import { chownSync, mkdirSync, mkdtempDisposableSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { proveBackground } from '../../src/application/background-location.ts'
import type { BackgroundSetting } from '../../src/settings/background-programs.ts'
import { withPackageSettings } from '../../src/settings/package-settings.ts'
import { resolveSettings, type ResolvedSettings } from '../../src/settings/resolve-settings.ts'

function folderWith(files: Readonly<Record<string, string>>): Disposable & { readonly path: string } {
  const folder = mkdtempDisposableSync(join(tmpdir(), 'rip-package-'))
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder.path, name)), { recursive: true })
    writeFileSync(join(folder.path, name), content)
  }
  return { path: folder.path, [Symbol.dispose]: () => folder.remove() }
}

/** The settings of a folder whose configuration says that. */
function settingsIn(folder: string, values: Readonly<Record<string, unknown>> = {}): ResolvedSettings {
  const path = join(folder, 'rip-server.config.ts')
  const file = { path, folder, values, files: [], positionOf: () => path }
  const sources = { mode: 'production', cwd: folder, flags: new Map(), env: {}, file } as const
  return withPackageSettings(resolveSettings(sources), 'production')
}

describe('what works in the background', () => {
  const backgroundOf = (
    given: readonly BackgroundSetting[],
    folder: string,
  ): readonly BackgroundSetting[] => {
    const { background } = settingsIn(folder, { background: given }).settings
    proveBackground(background)
    return background
  }

  test('is named by the package, unless the settings do', () => {
    using folder = folderWith({ 'package.json': '{"rip":{"background":["a.ts"]}}', 'a.ts': '', 'b.ts': '' })
    const [a, b] = ['a.ts', 'b.ts'].map((name) => join(folder.path, name)) as [string, string]
    expect(backgroundOf([], folder.path)).toEqual([{ name: 'a', file: a }])
    expect(backgroundOf([{ name: 'b', file: b }], folder.path)).toEqual([{ name: 'b', file: b }])
  })

  test('comes with where it was read', () => {
    using folder = folderWith({ 'package.json': '{"rip":{"background":["a.ts"]}}' })
    expect(settingsIn(folder.path).origins.background).toBe('"rip.background" in package.json')
    const given = settingsIn(folder.path, { background: ['b.ts'] })
    expect(given.origins.background).toBe('rip-server.config.ts')
    writeFileSync(join(folder.path, 'package.json'), '{}')
    expect(settingsIn(folder.path).origins.background).toBe('default')
  })

  test.each(['{}', '{"rip":{}}', '{"rip":{"background":[]}}', '{"rip":"a.ts"}'])(
    'is nothing for %p',
    (text) => {
      using folder = folderWith({ 'package.json': text })
      expect(backgroundOf([], folder.path)).toEqual([])
    },
  )

  test.each([
    ['{"rip":{"background":7}}', 'CONFIG_INVALID', '"rip.background": expected files'],
    ['{"rip":{"background":["none.ts"]}}', 'APP_NOT_FOUND', 'there is no file'],
    ['{', 'CONFIG_INVALID', 'cannot be read as a package.json'],
  ])('is refused in the package %p as %s', (text, code, reason) => {
    using folder = folderWith({ 'package.json': text })
    const message: unknown = expect.stringContaining(reason)
    expect(() => backgroundOf([], folder.path)).toThrow(expect.objectContaining({ code, message }))
  })
})

describe('the package.json of an application that is given as a file', () => {
  test('is the one above it: it names what works in the background, its packages the policy, but no command', () => {
    using folder = folderWith({
      'package.json':
        '{ "rip": { "background": ["a.ts"], "command": "npm start" }, "dependencies": { "socket.io": "4" } }',
      'src/index.ts': '',
    })
    const { settings } = settingsIn(folder.path, { app: 'src/index.ts' })
    expect(settings.background).toEqual([{ name: 'a', file: join(folder.path, 'a.ts') }])
    expect(settings.balancer.policy).toBe('sticky')
    expect(settings.command).toBeUndefined()
  })
})

test('a package.json that nothing is needed of may be broken', () => {
  using folder = folderWith({ 'package.json': '{' })
  const { settings } = settingsIn(folder.path, { command: 'npm start', background: ['a.ts'] })
  expect(settings.command).toBe('npm start')
  expect(() => settingsIn(folder.path, { command: 'npm start' })).toThrow('cannot be read as a package.json')
  expect(() => settingsIn(folder.path, { background: ['a.ts'] })).toThrow('cannot be read as a package.json')
})

test.if(process.geteuid?.() === 0)(
  'with user, a package.json that is a link out of its folder is refused',
  () => {
    using folder = folderWith({ 'elsewhere.json': '{"rip":{"background":["a.ts"]}}', 'app/index.ts': '' })
    symlinkSync('../elsewhere.json', join(folder.path, 'app/package.json'))
    const app = join(folder.path, 'app')
    chownSync(app, 65_534, 65_534)
    expect(settingsIn(app).settings.background).toEqual([{ name: 'a', file: join(app, 'a.ts') }])
    expect(() => settingsIn(app, { user: 'nobody' })).toThrow('a link that leads out of its folder')
  },
)

test('an application that is not there has no settings of a package', () => {
  using folder = folderWith({})
  const { settings, origins } = settingsIn(folder.path, { app: 'gone' })
  expect([settings.background, settings.command, origins.background]).toEqual([[], undefined, 'default'])
})
