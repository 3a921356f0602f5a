import { expect, test } from 'bun:test'
import { sweepPauseMs } from '../../src/watch/sweep-pause.ts'

const ALL = 2_000

test('a small tree is swept every two seconds', () => {
  expect(sweepPauseMs({ wallMs: 5, cpuMs: 5 }, ALL)).toBe(ALL)
})

test('a sweep that took long because the machine is busy does not put the next one off', () => {
  expect(sweepPauseMs({ wallMs: 470, cpuMs: 45 }, ALL)).toBe(9_000)
  expect(sweepPauseMs({ wallMs: 4_700, cpuMs: 9 }, ALL)).toBe(ALL)
})

test('a large tree is swept less often', () => {
  expect(sweepPauseMs({ wallMs: 60, cpuMs: 60 }, ALL)).toBe(12_000)
})

test('other work of the process meanwhile is not counted as sweeping', () => {
  expect(sweepPauseMs({ wallMs: 10, cpuMs: 80 }, ALL)).toBe(ALL)
})
