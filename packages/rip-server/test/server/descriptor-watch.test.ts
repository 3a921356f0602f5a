import { expect, test } from 'bun:test'
import { DescriptorWatch } from '../../src/server/descriptor-watch.ts'

test('it is said once that nothing can be opened any more, and once that it can again', () => {
  const told: string[] = []
  let code: string | undefined = 'EACCES'
  const open = (): void => {
    if (code !== undefined) throw Object.assign(new Error(code), { code })
  }
  using watch = new DescriptorWatch({ tell: (message) => told.push(message), open })
  watch.look()
  expect(told).toEqual([])
  code = 'EMFILE'
  watch.look()
  watch.look()
  code = undefined
  watch.look()
  watch.look()
  expect(told).toEqual([
    expect.stringContaining('no file descriptor left (EMFILE)'),
    'files and connections can be opened again',
  ])
})
