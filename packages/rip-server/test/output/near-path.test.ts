import { expect, test } from 'bun:test'
import { nearPath } from '../../src/output/near-path.ts'

test.each([
  ['/srv/shop/app.ts', '/srv/shop', 'app.ts'],
  ['/srv/shop', '/srv/shop', '/srv/shop'],
  ['/srv/other/app.ts', '/srv/shop', '/srv/other/app.ts'],
  ['/srv/shop/app.ts', '/', '/srv/shop/app.ts'],
])('%s is near %s as %s', (path, cwd, near) => {
  expect(nearPath(path, cwd)).toBe(near)
})
