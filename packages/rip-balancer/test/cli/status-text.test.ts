import { expect, test } from 'bun:test'
import { statusText } from '../../src/cli/status-text.ts'
import { balance } from '../../src/index.ts'

test('a pool and each backend have one line, with any names', async () => {
  const name = 'a\nb\u2028c'
  await using lb = await balance({
    listen: '127.0.0.1:0',
    pool: name,
    to: { id: name, address: '127.0.0.1:1' },
  })
  lb.pool.prepare(name, [])
  lb.pool.cut(name)
  const lines = statusText(lb.status())
    .trimEnd()
    .split(/[\n\r\u2028\u2029]/)
  expect(lines.filter((line) => line.includes('a\\x0ab\\u2028c'))).toHaveLength(2)
  expect(lines.filter((line) => line.startsWith('b'))).toEqual([])
})
