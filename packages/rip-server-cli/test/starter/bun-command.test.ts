import { afterAll, beforeAll, expect, test } from 'bun:test'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { bunCommand } from '../../src/starter/bun-command.ts'
import { starterFiles } from '../../src/starter/starter-files.ts'

let root: string

beforeAll(() => void (root = mkdtempSync(join(tmpdir(), 'rip-bun-command-'))))
afterAll(() => rmSync(root, { recursive: true }))

/** A folder for the PATH in which there is a Bun. */
function withBun(name: string): string {
  const folder = join(root, name)
  mkdirSync(folder, { recursive: true })
  symlinkSync(process.execPath, join(folder, 'bun'))
  return folder
}

test('Bun is named as a shell of the user finds it: one that npx, npm or Bun have put on the PATH is gone with them', () => {
  const byNpx = withBun('.npm/_npx/0a1b/node_modules/.bin')
  const byNpm = withBun('shop/node_modules/.bin')
  const byBun = withBun('bun-node-a7733435c')
  const added = [byBun, byNpm, `${byNpx}/`].join(':')
  const npx = `npx -y bun@${Bun.version}`
  expect(bunCommand(added)).toBe(npx)
  expect(bunCommand('')).toBe(npx)
  expect(bunCommand(undefined)).toBe(npx)
  expect(bunCommand(`${added}:${withBun('.bun/bin')}`)).toBe('bun')
  const readme = starterFiles('/srv/shop', { template: 'plain', language: 'ts' }, undefined, npx).find(
    ({ path }) => path === 'README.md',
  )
  expect(readme?.text).toContain(`\n${npx} run dev `)
  expect(readme?.text).not.toMatch(/(?<!@)\bbunx? /)
})
