import { expect, test } from 'bun:test'
import * as fc from 'fast-check'
import { contentOf, decodeMessage, encodeMessage, type Message } from '../../src/bus/message.ts'

const message: fc.Arbitrary<Message> = fc.record({
  topic: fc.string({ minLength: 1, unit: 'grapheme' }),
  data: fc.oneof(fc.string({ unit: 'grapheme' }), fc.uint8Array()),
  compress: fc.constantFrom(undefined, true, false),
})

test('a message is the same after the way: topic, text or bytes, and whether it is compressed', () => {
  fc.assert(fc.property(message, (sent) => expect(decodeMessage(encodeMessage(sent))).toEqual(sent)))
})

test('a byte order mark is part of the text', () => {
  const sent: Message = { topic: '\uFEFFt', data: '\uFEFFtext', compress: undefined }
  expect(decodeMessage(encodeMessage(sent))).toEqual(sent)
})

test('bytes of a message stay when the memory they came in is used again', () => {
  const memory = Buffer.from(encodeMessage({ topic: 't', data: new Uint8Array([1, 2, 3]), compress: false }))
  const message = decodeMessage(memory)
  memory.fill(0xff)
  expect(message).toEqual({ topic: 't', data: new Uint8Array([1, 2, 3]), compress: false })
})

test('any bytes are a message or none, and never throw', () => {
  let messages = 0
  const head = fc.tuple(fc.nat(255), fc.constant(0), fc.constant(0), fc.constant(0), fc.nat(40))
  const bytes = fc.tuple(fc.oneof(head, fc.constant([])), fc.uint8Array({ maxLength: 40 }))
  fc.assert(
    fc.property(bytes, ([first, rest]) => {
      const decoded = decodeMessage(Uint8Array.of(...first, ...rest))
      if (decoded === undefined) return
      messages += 1
      expect(decoded.topic).not.toBe('')
      expect(decoded.data.length).toBeLessThan(40)
    }),
  )
  expect(messages).toBeGreaterThan(0)
})

test('what is no text and no bytes is published as the text it is written as, as by Bun', () => {
  const given = [
    5,
    null,
    undefined,
    { a: 1 },
    new DataView(Uint8Array.of(1, 2).buffer),
    Uint16Array.of(1).buffer,
  ]
  expect(given.map((each) => contentOf(each as never))).toEqual([
    '5',
    'null',
    'undefined',
    '[object Object]',
    Uint8Array.of(1, 2),
    Uint8Array.of(1, 0),
  ])
})
