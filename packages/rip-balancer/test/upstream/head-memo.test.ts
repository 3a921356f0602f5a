import { describe, expect, test } from 'bun:test'
import { ResponseHead } from '../../src/http1/response-head.ts'
import { HeadMemo } from '../../src/upstream/head-memo.ts'
import { timelessSettings } from '../exchange/in-process.ts'

const { limits } = timelessSettings()

/** A memo, and what each look for a block found. */
function come(memo: HeadMemo, block: Buffer, head: ResponseHead, kind = 0): ResponseHead | undefined {
  const known = memo.find(block, 0, block.length, kind)
  if (known === undefined) memo.add(block, 0, block.length, head)
  return known
}

const bytes = (...values: number[]): Buffer => Buffer.from(values)
const newHead = (): ResponseHead => new ResponseHead(limits)

describe('a head', () => {
  test('is remembered when its block has come twice', () => {
    const memo = new HeadMemo()
    const head = newHead()
    const found = [1, 2, 3, 4].map(() => come(memo, bytes(1, 2, 3), head))
    expect(found).toEqual([undefined, undefined, head, head])
  })

  test('is another one where the same bytes mean something else', () => {
    const memo = new HeadMemo()
    const heads = [0, 1, 2, 3].map(newHead)
    for (let time = 0; time < 2; time++)
      for (const [kind, head] of heads.entries()) come(memo, bytes(0x88), head, kind)
    for (const [kind, head] of heads.entries()) expect(come(memo, bytes(0x88), newHead(), kind)).toBe(head)
  })

  test('is not pushed out by any number of heads that come once', () => {
    const memo = new HeadMemo()
    const head = newHead()
    const block = bytes(0x88, 1, 2)
    for (let time = 0; time < 2; time++) come(memo, block, head)
    for (let id = 0; id < 20_000; id++) come(memo, Buffer.from(`id ${id}`), newHead())
    expect(come(memo, block, newHead())).toBe(head)
  })

  test('belongs to its own bytes, whatever else is remembered', () => {
    const memo = new HeadMemo()
    const heads = new Map<number, ResponseHead>()
    // More than there are places, each of them twice.
    for (let n = 0; n < 4_000; n++) {
      const value = n >> 1
      const head = heads.get(value) ?? newHead()
      heads.set(value, head)
      come(memo, Buffer.from(`value ${value}`), head)
    }
    for (const [value, head] of heads)
      expect([undefined, head]).toContain(come(memo, Buffer.from(`value ${value}`), newHead()))
  })

  test('of a long block is not remembered', () => {
    const memo = new HeadMemo()
    const long = Buffer.alloc(257, 1)
    for (let time = 0; time < 4; time++) expect(come(memo, long, newHead())).toBeUndefined()
  })
})
