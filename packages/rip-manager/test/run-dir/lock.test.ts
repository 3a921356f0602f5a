import { describe, expect, test } from 'bun:test'
import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { openLibc } from '../../src/system/libc.ts'
import { isLock, type Lock, takeLock } from '../../src/run-dir/lock.ts'
import { temporaryFolder } from '../real.ts'

const source = JSON.stringify(new URL('../../src/run-dir/lock.ts', import.meta.url).pathname)

describe.each([
  ['kernel', openLibc() ?? null],
  ['file', null],
] as const)('the %s lock', (kind, libc) => {
  const take = (path: string): ReturnType<typeof takeLock> => takeLock(path, libc)

  function taken(path: string): Lock {
    const result = take(path)
    if (!isLock(result)) throw new Error(`held by ${result.holder}`)
    return result
  }

  test('is held by one process at a time, whose pid is reported', async () => {
    await using folder = await temporaryFolder()
    const lock = taken(folder.at('lock'))
    expect(take(folder.at('lock'))).toEqual({ holder: process.pid })
    lock.release()
    taken(folder.at('lock')).release()
    expect(readdirSync(folder.path)).toEqual([])
  })

  test('is free when its holder was killed', async () => {
    await using folder = await temporaryFolder()
    const libcArgument = kind === 'file' ? ', null' : ''
    const holder = Bun.spawn(
      [
        process.execPath,
        '-e',
        `
        const { takeLock } = await import(${source})
        takeLock(${JSON.stringify(folder.at('lock'))}${libcArgument})
        console.log('held')
        setInterval(() => {}, 1e6)`,
      ],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    )
    await holder.stdout.getReader().read()
    expect(take(folder.at('lock'))).toEqual({ holder: holder.pid })
    holder.kill('SIGKILL')
    await holder.exited
    expect(existsSync(folder.at('lock'))).toBe(true)
    taken(folder.at('lock')).release()
    expect(readdirSync(folder.path)).toEqual([])
  })

  test('is free when its file names a pid that belongs to another process now', async () => {
    await using folder = await temporaryFolder()
    writeFileSync(folder.at('lock'), `${process.pid} 1\n`)
    taken(folder.at('lock')).release()
  })

  test('is free when its file is empty', async () => {
    await using folder = await temporaryFolder()
    writeFileSync(folder.at('lock'), '')
    taken(folder.at('lock')).release()
  })
})
