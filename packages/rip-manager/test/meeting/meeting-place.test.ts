import { describe, expect, test } from 'bun:test'
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import type { Environment } from '../../src/run-dir/locate.ts'
import { openMeetingPlace } from '../../src/meeting/meeting-place.ts'
import { openRunDir } from '../../src/run-dir/open-run-dir.ts'
import { isListener } from '../../src/meeting/listener-of.ts'
import { temporaryFolder, type TemporaryFolder } from '../real.ts'

const envOf = (folder: TemporaryFolder): Environment => ({ XDG_RUNTIME_DIR: folder.path })
const identity = { root: '/srv/shop' }

function listenOn(path: string): Disposable {
  const listener = Bun.listen({ unix: path, socket: { data() {} } })
  return { [Symbol.dispose]: () => listener.stop(true) }
}

describe('the run directory where a balancer meets its manager', () => {
  test('is the one of the instance, whether manager or balancer makes it', async () => {
    await using folder = await temporaryFolder()
    using place = openMeetingPlace(identity, envOf(folder))
    expect(place.instance()).toBeUndefined()
    await using runDir = await openRunDir({ ...identity, env: envOf(folder) })
    expect(runDir.path).toBe(place.path)
    runDir.publish({ name: 'shop', root: '/srv/shop', startedAtMs: 1 })
    expect(place.instance()).toMatchObject({ name: 'shop', pid: process.pid })
  })

  test('outlives the manager, keeps the files of balancers, and goes with the last of them', async () => {
    await using folder = await temporaryFolder()
    const runDir = folder.at('elsewhere')
    const place = openMeetingPlace({ ...identity, runDir }, envOf(folder))
    const listening = listenOn(place.adminPath)
    const instance = await openRunDir({ ...identity, runDir, env: envOf(folder) })
    await instance.close()
    expect(readdirSync(place.path).sort()).toEqual(
      ['joined', 'meets'].map((name) => `${name}-${process.pid}.sock`),
    )
    listening[Symbol.dispose]()
    place[Symbol.dispose]()
    expect(existsSync(place.path)).toBe(false)
    expect(readdirSync(folder.at('rip-server'))).toEqual([])
  })

  test('has one secret for the manager and all balancers, which only their user can read', async () => {
    await using folder = await temporaryFolder()
    const first = openMeetingPlace(identity, envOf(folder))
    const secret = first.secret()
    expect(secret).toMatch(/^[\w-]{43}$/)
    expect(statSync(join(first.path, 'secret')).mode & 0o777).toBe(0o600)
    const listening = listenOn(first.adminPath)
    const runDir = await openRunDir({ ...identity, env: envOf(folder) })
    expect(runDir.secret()).toBe(secret)
    await runDir.close()
    const next = openMeetingPlace(identity, envOf(folder))
    expect(next.secret()).toBe(secret)
    rmSync(first.path, { recursive: true })
    first.restore()
    expect(first.secret()).toBe(secret)
    listening[Symbol.dispose]()
    first[Symbol.dispose]()
    expect(existsSync(first.path)).toBe(false)
    using other = openMeetingPlace(identity, envOf(folder))
    expect(other.secret()).not.toBe(secret)
  })

  test('has one secret even when many look for it at the same instant', async () => {
    await using folder = await temporaryFolder()
    const program = `
      const { openMeetingPlace } = await import(${JSON.stringify(new URL('../../src/meeting/meeting-place.ts', import.meta.url).pathname)})
      const place = openMeetingPlace({ root: '/srv/shop' })
      await Bun.stdin.text()
      console.log(place.secret())`
    const processes = Array.from({ length: 6 }, () =>
      Bun.spawn([process.execPath, '-e', program], { stdin: 'pipe', env: { ...envOf(folder) } }),
    )
    for (const { stdin } of processes) await stdin.end()
    const secrets = await Promise.all(processes.map(({ stdout }) => stdout.text()))
    expect(new Set(secrets).size).toBe(1)
    expect(secrets[0]).toMatch(/^[\w-]{43}\n$/)
  })

  test('keeps its secret for a balancer that is just starting when another one, or the manager, leaves', async () => {
    await using folder = await temporaryFolder()
    using starting = openMeetingPlace(identity, envOf(folder))
    const secret = starting.secret()
    const program = `
      const { openMeetingPlace } = await import(${JSON.stringify(new URL('../../src/meeting/meeting-place.ts', import.meta.url).pathname)})
      using place = openMeetingPlace({ root: '/srv/shop' })
      console.log(place.secret())`
    const leaving = Bun.spawnSync([process.execPath, '-e', program], { env: { ...envOf(folder) } })
    expect(leaving.stdout.toString()).toBe(`${secret}\n`)
    const runDir = await openRunDir({ ...identity, env: envOf(folder) })
    await runDir.close()
    const next = Bun.spawnSync([process.execPath, '-e', program], { env: { ...envOf(folder) } })
    expect(next.stdout.toString()).toBe(`${secret}\n`)
  })

  test('is cleared of files that killed balancers left', async () => {
    await using folder = await temporaryFolder()
    const place = openMeetingPlace(identity, envOf(folder))
    const left = Bun.spawnSync([
      process.execPath,
      '-e',
      `Bun.listen({ unix: ${JSON.stringify(join(place.path, 'joined-1.sock'))}, socket: { data() {} } }); process.kill(process.pid, 'SIGKILL')`,
    ])
    expect([left.signalCode, readdirSync(place.path)]).toEqual([
      'SIGKILL',
      expect.arrayContaining(['joined-1.sock']),
    ])
    await using _ = await openRunDir({ ...identity, env: envOf(folder) })
    expect(readdirSync(place.path)).not.toContain('joined-1.sock')
  })

  test('is accepted, and removed in the end, with shared files that a killed balancer had not finished', async () => {
    await using folder = await temporaryFolder()
    const runDir = folder.at('elsewhere')
    mkdirSync(runDir, { mode: 0o700 })
    const unfinished = ['secret-7', 'secret-7.1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed', 'learned-8192.7']
    for (const name of unfinished) writeFileSync(join(runDir, name), '', { mode: 0o600 })
    const place = openMeetingPlace({ ...identity, runDir }, envOf(folder))
    place[Symbol.dispose]()
    expect(existsSync(runDir)).toBe(false)
  })

  test('is refused where others could put other files', async () => {
    await using folder = await temporaryFolder()
    using place = openMeetingPlace(identity, envOf(folder))
    mkdirSync(place.path, { recursive: true })
    chmodSync(place.path, 0o777)
    expect(() => openMeetingPlace(identity, envOf(folder))).toThrow('others can write to it')
  })

  test.if(process.geteuid?.() === 0)(
    'is refused where it is of another user (needs root to be two users)',
    async () => {
      await using folder = await temporaryFolder()
      using place = openMeetingPlace(identity, envOf(folder))
      chownSync(place.path, 12_345, 12_345)
      expect(() => openMeetingPlace(identity, envOf(folder))).toThrow('it belongs to user 12345')
      chownSync(dirname(place.path), 12_345, 12_345)
      expect(place.instance()).toBeUndefined()
    },
  )
})

describe('the process that listens on a socket', () => {
  test('is named by the kernel: a process that claims to be another is not believed', async () => {
    await using folder = await temporaryFolder()
    const path = folder.at('s.sock')
    expect(isListener(path, process.pid)).toBe(process.platform !== 'linux')
    using _ = listenOn(path)
    expect(isListener(path, process.pid)).toBe(true)
    expect(isListener(path, process.ppid)).toBe(process.platform !== 'linux')
  })
})
