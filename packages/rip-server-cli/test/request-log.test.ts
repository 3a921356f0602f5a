import { describe, expect, test } from 'bun:test'
import { RequestLog } from '../src/instance/request-log.ts'

const line = (name: string, text: string) =>
  ({ name, stream: 'stderr', text, continues: false, atMs: 0 }) as const

const report = (name: string, id: string, message: string) =>
  [
    `GET http://shop/boom?q=1 failed (request ${id}):`,
    '12 |   const price = find(id)',
    '13 |   throw new TypeError("12 | is no price")',
    '            ^',
    message,
    '      at priceOf (/srv/shop/src/price.ts:13:9)',
    '      at <anonymous> (/srv/shop/app.ts:5:3)',
    '',
  ].map((text) => line(name, text))

describe('the log of single requests', () => {
  test('has the exception of each, also when lines of several workers are mixed', () => {
    const [a, b] = [
      report('w1', 'r-1', 'TypeError: 12 | is no price'),
      report('w2', 'r-2', 'error: db is gone'),
    ]
    const log = new RequestLog([
      line('w1', 'starting'),
      ...a.flatMap((each, at) => [each, b[at]!]),
      ...report('w1', 'r-3', '\u001b[31merror\u001b[0m: third'),
      line('w1', 'the next request'),
    ])
    expect(log.exceptionOf('r-1')).toEqual({
      message: 'TypeError: 12 | is no price',
      place: '/srv/shop/src/price.ts:13:9',
    })
    expect(log.exceptionOf('r-2')).toEqual({
      message: 'error: db is gone',
      place: '/srv/shop/src/price.ts:13:9',
    })
    expect(log.exceptionOf('r-3')?.message).toBe('error: third')
    expect(log.linesOf('r-1').map(({ text }) => text)).toEqual(a.slice(0, -1).map(({ text }) => text))
    expect(log.linesOf('r-3').at(-1)?.text).toContain('app.ts:5:3')
  })

  test('has the lines that an application wrote with the id, and nothing of unknown ones', () => {
    const log = new RequestLog([line('w1', 'r-9 asks the bank'), line('w1', 'else')])
    expect(log.linesOf('r-9').map(({ text }) => text)).toEqual(['r-9 asks the bank'])
    expect(log.exceptionOf('r-9')).toBeUndefined()
    expect(log.linesOf('r-8')).toEqual([])
  })
})
