import { describe, expect, test } from 'bun:test'
import { accessSync, constants, mkdirSync, rmdirSync, writeFileSync } from 'node:fs'
import { availableParallelism, totalmem } from 'node:os'
import { dirname } from 'node:path'
import type { CgroupPlace } from '../../src/system/cgroup.ts'
import { availableCpus, availableMemoryBytes } from '../../src/system/limits.ts'
import { readMemory } from '../../src/system/memory.ts'
import { temporaryFolder, type TemporaryFolder } from '../real.ts'

function place(folder: TemporaryFolder, membership: string, files: Record<string, string>): CgroupPlace {
  writeFileSync(folder.at('membership'), membership)
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(folder.at('mount', path)), { recursive: true })
    writeFileSync(folder.at('mount', path), content)
  }
  return { membership: folder.at('membership'), mount: folder.at('mount') }
}

test('without control groups the machine is the limit', async () => {
  await using folder = await temporaryFolder()
  const nowhere = { membership: folder.at('none'), mount: folder.at('none') }
  expect(availableCpus(nowhere)).toBe(availableParallelism())
  expect(availableMemoryBytes(nowhere)).toBe(totalmem())
})

test('the real machine has at least one processor and some memory', () => {
  expect(availableCpus()).toBeWithin(1, availableParallelism() + 1)
  expect(availableMemoryBytes()).toBeWithin(1, totalmem() + 1)
})

test.each([
  ['50000 100000', 1],
  ['100000 100000', 1],
  ['max 100000', availableParallelism()],
])('version 2: cpu.max %p allows %p', async (content, expected) => {
  await using folder = await temporaryFolder()
  expect(availableCpus(place(folder, '0::/app\n', { 'app/cpu.max': content }))).toBe(expected)
})

test('version 2: the tightest limit of all ancestors holds', async () => {
  await using folder = await temporaryFolder()
  const files = { 'a/b/memory.max': 'max\n', 'a/memory.max': '67108864\n', 'memory.max': '134217728\n' }
  expect(availableMemoryBytes(place(folder, '0::/a/b\n', files))).toBe(67_108_864)
})

test('version 2: a path from outside the container falls back to the mount', async () => {
  await using folder = await temporaryFolder()
  const files = { 'memory.max': '67108864\n' }
  expect(availableMemoryBytes(place(folder, '0::/docker/1234\n', files))).toBe(67_108_864)
})

test('version 1: quota and period, and a memory limit', async () => {
  await using folder = await temporaryFolder()
  const files = {
    'cpu/app/cpu.cfs_quota_us': '50000\n',
    'cpu/app/cpu.cfs_period_us': '100000\n',
    'memory/app/memory.limit_in_bytes': '67108864\n',
  }
  const at = place(folder, '4:memory:/app\n3:cpu,cpuacct:/app\n0::/\n', files)
  expect(availableCpus(at)).toBe(1)
  expect(availableMemoryBytes(at)).toBe(67_108_864)
})

test('version 1: -1 means no quota', async () => {
  await using folder = await temporaryFolder()
  const files = { 'cpu/cpu.cfs_quota_us': '-1\n', 'cpu/cpu.cfs_period_us': '100000\n' }
  expect(availableCpus(place(folder, '3:cpu:/\n', files))).toBe(availableParallelism())
})

test('version 2 beside version 1 is mounted one folder deeper', async () => {
  await using folder = await temporaryFolder()
  const files = { 'unified/cgroup.controllers': 'memory\n', 'unified/app/memory.max': '67108864\n' }
  expect(availableMemoryBytes(place(folder, '3:cpu:/app\n0::/app\n', files))).toBe(67_108_864)
})

test.skipIf(!canMakeGroups())(
  'limits of real groups, one in the other (needs writable version 1 controllers)',
  async () => {
    const outer = `rip-test-${process.pid}`
    using cpu = realGroups(`/sys/fs/cgroup/cpu/${outer}`)
    using memory = realGroups(`/sys/fs/cgroup/memory/${outer}`)
    writeFileSync(`${cpu.outer}/cpu.cfs_quota_us`, '100000')
    writeFileSync(`${memory.outer}/memory.limit_in_bytes`, String(256 * 2 ** 20))
    const limits = import.meta.resolve('../../src/system/limits.ts')
    const print = `import { availableCpus, availableMemoryBytes } from '${limits}'
      console.log(availableCpus(), availableMemoryBytes())`
    const enter = `echo $$ > ${cpu.inner}/cgroup.procs; echo $$ > ${memory.inner}/cgroup.procs; exec "$@"`
    const child = Bun.spawn(['sh', '-c', enter, 'sh', process.execPath, '-e', print], { stderr: 'inherit' })
    expect((await child.stdout.text()).trim()).toBe(`1 ${256 * 2 ** 20}`)
    await child.exited
  },
)

interface RealGroups extends Disposable {
  readonly outer: string
  readonly inner: string
}

function realGroups(outer: string): RealGroups {
  const inner = `${outer}/inner`
  mkdirSync(inner, { recursive: true })
  return {
    outer,
    inner,
    [Symbol.dispose]() {
      rmdirSync(inner)
      rmdirSync(outer)
    },
  }
}

function canMakeGroups(): boolean {
  try {
    for (const controller of ['cpu', 'memory']) accessSync(`/sys/fs/cgroup/${controller}`, constants.W_OK)
    return true
  } catch {
    return false
  }
}

describe('memory that is left', () => {
  const MIB = 2 ** 20
  const meminfo = 'MemTotal:       16384 kB\nMemAvailable:    8192 kB\n'

  test('is that of the machine without control groups', async () => {
    await using folder = await temporaryFolder()
    writeFileSync(folder.at('meminfo'), meminfo)
    const nowhere = { membership: folder.at('none'), mount: folder.at('none'), meminfo: folder.at('meminfo') }
    expect(readMemory(nowhere)).toEqual({ availableBytes: 8 * MIB })
    expect(readMemory({ ...nowhere, meminfo: folder.at('none') })).toBeUndefined()
  })

  test('version 2: is that of the tightest group; files in the cache that were not used for a while count as free', async () => {
    await using folder = await temporaryFolder()
    const files = {
      'a/b/memory.max': 'max\n',
      'a/b/memory.current': `${MIB}\n`,
      'a/memory.max': `${64 * MIB}\n`,
      'a/memory.current': `${62 * MIB}\n`,
      'a/memory.stat': `anon 1\ninactive_file ${4 * MIB}\n`,
      'memory.max': `${32 * MIB}\n`,
      'memory.current': `${2 * MIB}\n`,
    }
    const at = { ...place(folder, '0::/a/b\n', files), meminfo: folder.at('meminfo') }
    const limit = { bytes: 64 * MIB, usedBytes: 58 * MIB }
    expect(readMemory(at)).toEqual({ availableBytes: 6 * MIB, limit })
    writeFileSync(folder.at('meminfo'), 'MemAvailable: 1024 kB\n')
    expect(readMemory(at)).toEqual({ availableBytes: MIB, limit })
  })

  test('version 1: has files of its own, and a number beyond any machine for no limit', async () => {
    await using folder = await temporaryFolder()
    const files = {
      'memory/app/memory.limit_in_bytes': `${64 * MIB}\n`,
      'memory/app/memory.usage_in_bytes': `${20 * MIB}\n`,
      'memory/app/memory.stat': `total_inactive_file ${4 * MIB}\n`,
      'memory/memory.limit_in_bytes': '9223372036854771712\n',
      'memory/memory.usage_in_bytes': '1\n',
    }
    const at = { ...place(folder, '4:memory:/app\n0::/\n', files), meminfo: folder.at('none') }
    expect(readMemory(at)).toEqual({
      availableBytes: 48 * MIB,
      limit: { bytes: 64 * MIB, usedBytes: 16 * MIB },
    })
  })
})
