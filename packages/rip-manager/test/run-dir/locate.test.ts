import { describe, expect, test } from 'bun:test'
import { chmodSync, chownSync, mkdirSync, rmSync } from 'node:fs'
import { basename } from 'node:path'
import { instancesFolders, locateRunDir } from '../../src/run-dir/locate.ts'
import { temporaryFolder } from '../real.ts'

const source = (name: string): string =>
  JSON.stringify(new URL(`../../src/${name}.ts`, import.meta.url).pathname)

describe('the location of a run directory is', () => {
  test('below XDG_RUNTIME_DIR, named after the application', () => {
    const { path } = locateRunDir({ root: '/srv/shop' }, { XDG_RUNTIME_DIR: '/run/user/7' })
    expect(path).toMatch(/^\/run\/user\/7\/rip-server\/shop-[0-9a-f]{8}$/)
  })

  test('only there if XDG_RUNTIME_DIR was set on purpose, one of several places if it is that of a session', () => {
    const others = { RUNTIME_DIRECTORY: '/run/shop', TMPDIR: '/var/tmp', HOME: '/home/shop' }
    const folders = (runtime: string): readonly string[] =>
      instancesFolders({ ...others, XDG_RUNTIME_DIR: runtime })
    expect(folders('/srv/run')).toEqual(['/srv/run/rip-server'])
    expect(folders('/run/user/7')).toContain('/run/shop')
    expect(folders('/run/user/7/')).toContain('/run/shop')
    expect(folders(`/run/${'x'.repeat(80)}`)).toContain('/run/shop')
    expect(folders('relative')).toContain('/run/shop')
  })

  test("else in systemd's folder for the service", () => {
    const { base } = locateRunDir({ root: '/srv/shop' }, { RUNTIME_DIRECTORY: '/run/shop:/run/more' })
    expect(base).toBe('/run/shop')
  })

  test('else in /run for root, in the folder for temporary files for other users', () => {
    const uid = process.getuid?.()
    const { base } = locateRunDir({ root: '/srv/shop' }, { TMPDIR: '/var/tmp' })
    expect(base).toBe(uid === 0 ? '/run/rip-server' : `/var/tmp/rip-server-${uid}`)
    expect(instancesFolders({})).toContain(`/tmp/rip-server-${uid}`)
  })

  test.skipIf(process.getuid?.() !== 0)(
    'never in a folder for temporary files where somebody else took the name (needs root to be two users)',
    async () => {
      await using folder = await temporaryFolder()
      chmodSync(folder.path, 0o1777)
      const taken = folder.at('rip-server-65534')
      mkdirSync(taken)
      chownSync(taken, 1, 1)
      const env = { PATH: process.env['PATH'], TMPDIR: folder.path, HOME: folder.at('home') }
      const script = `const { locateRunDir } = await import(${source('run-dir/locate')})
        process.seteuid(65534)
        console.log(locateRunDir({ root: '/srv/shop' }, process.env).base)`
      const { stdout } = Bun.spawnSync([process.execPath, '-e', script], { env, stderr: 'inherit' })
      const base = stdout.toString().trim()
      expect(base).not.toBe(taken)
      expect(['/tmp/rip-server-65534', folder.at('home', '.rip-server')]).toContain(base)
    },
  )

  test.skipIf(process.getuid?.() !== 0)(
    'not in the folder of a session, which is closed to others, when others have something in it (needs root)',
    () => {
      const session = `/run/user/${process.pid}`
      mkdirSync(session, { recursive: true })
      chmodSync(session, 0o700)
      const account = { uid: 54_321, gid: 54_322 }
      const base = (...tenants: (typeof account)[]): string =>
        locateRunDir({ root: '/srv/shop' }, { XDG_RUNTIME_DIR: session }, tenants).base
      try {
        expect([base(), base(account)]).toEqual([`${session}/rip-server`, '/run/rip-server'])
      } finally {
        rmSync(session, { recursive: true })
      }
    },
  )

  test('folders of the same name are different instances, however the path is written', () => {
    const at = (root: string): string => locateRunDir({ root }, {}).path
    expect(at('/a/shop')).not.toBe(at('/b/shop'))
    expect(at('/a/shop')).toBe(at('/a/x/../shop/'))
  })

  test('named by a given name in place of the folder, made safe', () => {
    const at = (name: string): string => basename(locateRunDir({ root: '/', name }, {}).path)
    expect(at('shop')).toBe('shop')
    expect(at('../../etc')).toMatch(/^[\w-][\w.-]*-[0-9a-f]{8}$/)
    expect(at('ünï cödé')).not.toBe(at('önï cödé'))
  })

  test('a base too long for sockets is passed over', () => {
    const { path } = locateRunDir(
      { root: '/srv/shop' },
      { XDG_RUNTIME_DIR: `/run/${'x'.repeat(80)}`, RUNTIME_DIRECTORY: '/run/shop' },
    )
    expect(path).toStartWith('/run/shop/')
  })
})
