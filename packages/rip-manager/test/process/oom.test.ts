import { beforeEach, describe, expect, test } from 'bun:test'
import { mkdirSync, rmdirSync, writeFileSync } from 'node:fs'
import { dirname, relative } from 'node:path'
import { createOomWatch, type OomKills, type OomWatch, readOomKills } from '../../src/process/oom.ts'
import { temporaryFolder } from '../real.ts'

describe('a kill', () => {
  let kills: OomKills
  let nowMs: number
  let watch: OomWatch
  beforeEach(() => {
    kills = { group: { folder: '/a', kills: 3 }, machine: 10 }
    nowMs = 0
    watch = createOomWatch({ read: () => kills, nowMs: () => nowMs })
  })

  test('is accounted for once', () => {
    expect(watch.consume()).toBe(false)
    kills = { group: { folder: '/a', kills: 5 }, machine: 12 }
    expect([watch.consume(), watch.consume(), watch.consume()]).toEqual([true, true, false])
    kills = {}
    expect(watch.consume()).toBe(false)
  })

  test('of another process long ago does not explain a later end', () => {
    kills = { group: { folder: '/a', kills: 4 }, machine: 11 }
    watch.look()
    nowMs = 11_000
    expect(watch.consume()).toBe(false)
  })

  test('is found when we were moved to a group that has counted less so far', () => {
    kills = { group: { folder: '/b', kills: 0 }, machine: 10 }
    watch.look()
    kills = { group: { folder: '/b', kills: 1 }, machine: 11 }
    expect([watch.consume(), watch.consume()]).toEqual([true, false])
  })

  test('in a group that counted more than ours is not ours', () => {
    kills = { group: { folder: '/b', kills: 9 }, machine: 10 }
    expect(watch.consume()).toBe(false)
  })

  test('that only the machine has counted is believed for two seconds', () => {
    kills = { ...kills, machine: 12 }
    watch.look()
    expect(watch.consume()).toBe(true)
    nowMs = 2_001
    expect(watch.consume()).toBe(false)
  })
})

describe('the counters', () => {
  async function read(membership: string, file: string, content: string): Promise<OomKills> {
    await using folder = await temporaryFolder()
    mkdirSync(dirname(folder.at('mount', file)), { recursive: true })
    writeFileSync(folder.at('membership'), membership)
    writeFileSync(folder.at('vmstat'), 'nr_free_pages 1\noom_kill 7\n')
    writeFileSync(folder.at('mount', file), content)
    const { group, machine } = readOomKills({
      membership: folder.at('membership'),
      mount: folder.at('mount'),
      vmstat: folder.at('vmstat'),
    })
    return {
      ...(group && { group: { ...group, folder: relative(folder.at('mount'), group.folder) } }),
      machine,
    }
  }

  test('of version 2', async () => {
    const events = 'low 0\nhigh 0\nmax 9\noom 2\noom_kill 4\n'
    expect(await read('0::/app\n', 'app/memory.events', events)).toEqual({
      group: { folder: 'app', kills: 4 },
      machine: 7,
    })
  })

  test('of the nearest group above that counts', async () => {
    expect(await read('0::/app/worker\n', 'app/memory.events', 'oom_kill 2\n')).toEqual({
      group: { folder: 'app', kills: 2 },
      machine: 7,
    })
  })

  test('of version 1', async () => {
    const control = 'oom_kill_disable 0\nunder_oom 0\noom_kill 5\n'
    expect(await read('4:memory:/app\n0::/\n', 'memory/app/memory.oom_control', control)).toEqual({
      group: { folder: 'memory/app', kills: 5 },
      machine: 7,
    })
  })

  test('of the machine alone where no group counts', async () => {
    expect(await read('0::/\n', 'cgroup.procs', '')).toEqual({ machine: 7 })
  })
})

const realGroup = `/sys/fs/cgroup/memory/rip-test-${process.pid}`

function canMakeGroups(): boolean {
  try {
    mkdirSync(realGroup)
    rmdirSync(realGroup)
    return true
  } catch {
    return false
  }
}

test.skipIf(!canMakeGroups())(
  'counts a real out-of-memory kill (needs a writable version 1 memory controller)',
  async () => {
    mkdirSync(realGroup)
    try {
      writeFileSync(`${realGroup}/memory.limit_in_bytes`, String(24 * 1_048_576))
      await using folder = await temporaryFolder()
      writeFileSync(folder.at('membership'), `4:memory:/rip-test-${process.pid}\n`)
      const watch = createOomWatch({
        read: () => readOomKills({ membership: folder.at('membership'), vmstat: '/none' }),
      })
      const hog = `echo $$ > ${realGroup}/cgroup.procs; exec ${process.execPath} -e 'const all = []; for (;;) all.push(Buffer.alloc(1e6, 1))'`
      const child = Bun.spawn(['sh', '-c', hog], { stdio: ['ignore', 'ignore', 'ignore'] })
      await child.exited
      expect(child.signalCode).toBe('SIGKILL')
      expect(watch.consume()).toBe(true)
    } finally {
      rmdirSync(realGroup)
    }
  },
)
