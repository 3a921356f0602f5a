import { expect, test } from 'bun:test'
import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { foundByText, locateEntry } from '../../src/application/entry-location.ts'
import { locateApp } from '../../src/settings/app-location.ts'

/** A folder with a package.json and a file of an application two levels below. */
function withPackage(run: (outer: string, file: string) => void): void {
  const outer = realpathSync(mkdtempSync(join(tmpdir(), 'rip-root-')))
  const file = join(outer, 'shop/src/app.ts')
  try {
    mkdirSync(join(outer, 'shop/src'), { recursive: true })
    writeFileSync(join(outer, 'package.json'), '{}')
    writeFileSync(file, 'export default () => new Response()')
    run(outer, file)
  } finally {
    rmSync(outer, { recursive: true })
  }
}

test('the root of a file is the package it belongs to', () => {
  withPackage((outer, file) => {
    expect(locateApp(file)).toEqual({ root: outer, entry: file })
  })
})

test('a stray package.json in a shared folder or in the home folder does not make it the root', () => {
  withPackage((outer, file) => {
    chmodSync(outer, 0o1777)
    expect(locateApp(file).root).toBe(join(outer, 'shop/src'))
    chmodSync(outer, 0o755)
    expect(locateApp(file, outer).root).toBe(join(outer, 'shop/src'))
  })
})

test('the start says how it found a file that was not given', () => {
  withPackage((outer, file) => {
    const found = (target: string): string | undefined => foundByText(locateEntry(target))
    expect(found(file)).toBeUndefined()
    expect(found(join(outer, 'shop'))).toBe('found by its name')
    writeFileSync(join(outer, 'package.json'), '{ "main": "dist/shop.js" }')
    mkdirSync(join(outer, 'dist'))
    writeFileSync(join(outer, 'dist/shop.js'), '')
    expect(found(outer)).toBe('"main" in package.json')
    writeFileSync(join(outer, 'package.json'), '{ "rip": { "entry": "shop/src/app.ts" } }')
    expect(found(outer)).toBe('"rip.entry" in package.json')
  })
})

test('a user without a home folder, such as a bare number in a container, can have applications', () => {
  withPackage((outer, file) => {
    const module = join(import.meta.dir, '../../src/settings/app-location.ts')
    // The runtime throws this for a user without HOME and without an entry in passwd(5).
    const code = `
      const fail = () => { throw Object.assign(new Error('uv_os_homedir'), { code: 'ENOENT' }) }
      require('node:os').homedir = fail
      const { locateApp } = await import(${JSON.stringify(module)})
      try { require('node:os').homedir() } catch { console.log(locateApp(${JSON.stringify(file)}).root) }`
    const { stdout, stderr } = Bun.spawnSync([process.execPath, '-e', code])
    expect([stdout.toString(), stderr.toString()]).toEqual([`${outer}\n`, ''])
  })
})
