import { expect, test } from 'bun:test'
import { stateFolders } from '../../src/run-dir/state-folders.ts'

const isRoot = process.geteuid?.() === 0

test('lasting files are kept where systemd, the desktop or the system says, in this order', () => {
  const env = { STATE_DIRECTORY: '/var/lib/shop:/var/lib/other', XDG_STATE_HOME: '/state', HOME: '/home/ann' }
  const system = isRoot ? ['/var/lib/rip-server/shop'] : []
  expect(stateFolders({ root: '/srv/shop', name: 'shop' }, env)).toEqual([
    '/var/lib/shop/shop',
    '/state/rip-server/shop',
    ...system,
    '/home/ann/.local/state/rip-server/shop',
  ])
})

test('a relative path in the environment is ignored', () => {
  const env = { STATE_DIRECTORY: 'lib', XDG_STATE_HOME: 'state', HOME: '' }
  expect(stateFolders({ root: '/srv/shop' }, env)).toHaveLength(isRoot ? 1 : 0)
})

test('instances of the same application have places of their own', () => {
  const env = { XDG_STATE_HOME: '/state' }
  const root = '/srv/shop'
  const folders = [{ root }, { root, name: 'shop' }, { root, runDir: '/run/shop' }].map(
    (identity) => stateFolders(identity, env)[0],
  )
  expect(new Set(folders).size).toBe(3)
})
