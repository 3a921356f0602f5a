import { expect, test } from 'bun:test'
import {
  isSameProcess,
  mayBeSameProcess,
  processStartTime,
  processState,
} from '../../src/system/start-time.ts'

test('a process has one start time for life', () => {
  const first = processStartTime(process.pid)
  expect(first).toMatch(/^\d+$/)
  expect(processStartTime(process.pid)).toBe(first)
  expect(isSameProcess(process.pid, first ?? '')).toBe(true)
  expect(isSameProcess(process.pid, '1')).toBe(false)
})

test('a pid is that of a process that was not waited for, unless it is known to be another one', async () => {
  expect(mayBeSameProcess(process.pid, processStartTime(process.pid))).toBe(true)
  expect(mayBeSameProcess(process.pid, '1')).toBe(false)
  // The start time could not be read when the process was started.
  expect(mayBeSameProcess(process.pid, undefined)).toBe(true)
  const child = Bun.spawn(['true'])
  await child.exited
  expect(mayBeSameProcess(child.pid, '1')).toBe(false)
})

test('a process that is gone has none', async () => {
  const child = Bun.spawn(['true'])
  await child.exited
  expect(processStartTime(child.pid)).toBeUndefined()
  expect(processState(child.pid)).toBeUndefined()
})

test('a program name with spaces and parentheses does not shift the fields', async () => {
  const child = Bun.spawn(['bash', '-c', 'printf "a) S 1 (b" > /proc/self/comm; cat /proc/$$/stat; cat'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  await child.stdout.getReader().read()
  expect(Number(processStartTime(child.pid))).toBeGreaterThanOrEqual(Number(processStartTime(process.pid)))
  void child.stdin.end()
  await child.exited
})
