import { expect, test } from 'bun:test'
import { TextTail } from '../../src/process/text-tail.ts'

test('the end of a process is explained by what it wrote last, and not by what it wrote long before', () => {
  let nowMs = 0
  const tail = new TextTail(20, () => nowMs)
  for (const line of ['dropped for want of room', 'long ago', 'just now']) {
    nowMs += 25_000
    tail.push(line)
  }
  nowMs += 10_000
  expect(tail.toString()).toBe('long ago\njust now\n')
  tail.keepLatest(30_000)
  expect(tail.toString()).toBe('just now\n')
})
