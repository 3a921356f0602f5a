import { expect, test } from 'bun:test'
import { mkdirSync, writeFileSync } from 'node:fs'
import { availableParallelism, totalmem } from 'node:os'
import { dirname } from 'node:path'
import type { CgroupPlace } from '../../src/limits/cgroup.ts'
import { availableCpus, availableMemoryBytes } from '../../src/limits/limits.ts'
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
