import { expect, test } from 'bun:test'
import { BufferBudget } from '../../../src/exchange/buffer-budget.ts'
import { ReceiveWindow } from '../../../src/http2/receive-window.ts'
import {
  GIVE_BACK_BYTES,
  STREAM_WINDOW_BYTES,
  UploadWindow,
} from '../../../src/listener/http2/upload-window.ts'

const KIB = 1024
const MANY = Number.POSITIVE_INFINITY

function windowOf(maxBytes: number): UploadWindow {
  const budget = new BufferBudget()
  budget.maxBytes = maxBytes
  return new UploadWindow(budget, 0)
}

test('the window of an upload grows each time that all of it was used within a second, up to a megabyte', () => {
  const window = windowOf(64 * KIB * KIB)
  expect(window.used(63 * KIB, MANY, 10)).toBe(0)
  expect(window.used(64 * KIB, MANY, 20)).toBe(192 * KIB)
  expect(window.used(319 * KIB, MANY, 30)).toBe(0)
  expect(window.used(320 * KIB, MANY, 40)).toBe(768 * KIB)
  expect(window.used(9_000 * KIB, MANY, 50)).toBe(0)
})

test('it does not grow for a slow client, nor for what is soon complete, nor without room in the buffers', () => {
  const slow = windowOf(64 * KIB * KIB)
  expect(slow.used(64 * KIB, MANY, 1_001)).toBe(0)
  expect(slow.used(128 * KIB, MANY, 2_000)).toBe(192 * KIB)
  expect(windowOf(64 * KIB * KIB).used(64 * KIB, 64 * KIB, 10)).toBe(0)
  expect(windowOf(383 * KIB).used(64 * KIB, MANY, 10)).toBe(0)
})

test('it begins anew with each request', () => {
  const window = windowOf(384 * KIB)
  expect(window.used(64 * KIB, MANY, 20)).toBe(192 * KIB)
  window.free()
  window.begin(100)
  expect(window.used(64 * KIB, MANY, 120)).toBe(192 * KIB)
})

test('a large window is given back little by little, so that a client that sends meanwhile need not wait', () => {
  const window = new ReceiveWindow(STREAM_WINDOW_BYTES)
  window.read(31 * KIB)
  expect(window.giveBack()).toBe(0)
  window.read(KIB)
  expect(window.giveBack()).toBe(32 * KIB)
  window.grow(960 * KIB)
  window.giveBackFrom(GIVE_BACK_BYTES)
  expect(window.giveBack()).toBe(960 * KIB)
  window.read(63 * KIB)
  expect(window.giveBack()).toBe(0)
  window.read(KIB)
  expect(window.giveBack()).toBe(64 * KIB)
})
