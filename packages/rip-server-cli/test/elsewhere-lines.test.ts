import { expect, test } from 'bun:test'
import { elsewhereLines } from '../src/instance/elsewhere-lines.ts'

test('an instance of another user is named with its owner, and with the command to run', () => {
  expect(elsewhereLines([{ runDir: '/run/shop/rip-server/shop', uid: 0 }], 1_000)).toEqual([
    'an instance in /run/shop/rip-server/shop is owned by root: run as that user: ' +
      'sudo -u root rip-server … --run-dir /run/shop/rip-server/shop',
  ])
  const [unnamed] = elsewhereLines([{ runDir: '/run/x', uid: 54_321 }], 1_000)
  expect(unnamed).toContain("owned by user 54321: run as that user: sudo -u '#54321' rip-server")
})

test('the number is given when there are many', () => {
  const all = Array.from({ length: 22 }, (_, n) => ({ runDir: `/run/${n}`, uid: 1_000 }))
  expect(elsewhereLines(all, 1_000)).toEqual([
    ...Array.from({ length: 20 }, (_, n) => `one runs in /run/${n}: add --run-dir /run/${n}`),
    'and 2 more',
  ])
})
