import { describe, expect, test } from 'bun:test'
import { statSync } from 'node:fs'
import { balance } from '../src/index.ts'
import { TempFolder, named } from './servers.ts'

describe('a Unix socket to listen on', () => {
  const modeOf = (path: string): number => statSync(path).mode & 0o777

  test('lets every user connect who may enter its folder, unless configured otherwise', async () => {
    using folder = new TempFolder()
    const before = process.umask(0o077)
    try {
      await using _lb = await balance({ listen: `unix:${folder.file('a.sock')}` })
      await using _other = await balance({ listen: `unix:${folder.file('b.sock')}?mode=0660` })
      expect([modeOf(folder.file('a.sock')), modeOf(folder.file('b.sock'))]).toEqual([0o666, 0o660])
    } finally {
      process.umask(before)
    }
  })

  test('applies another mode after a reload, and keeps its connections', async () => {
    using folder = new TempFolder()
    await using a = named(folder, 'a')
    const path = folder.file('front.sock')
    const config = { listen: `unix:${path}?mode=0660`, to: a.address }
    await using lb = await balance(config)
    const { ino } = statSync(path)
    await lb.reload({ ...config, listen: `unix:${path}?mode=0600&group=${process.getgid?.() ?? 0}` })
    expect([modeOf(path), statSync(path).ino]).toEqual([0o600, ino])
    expect(await (await fetch('http://h/', { unix: path })).text()).toBe('a')
  })

  test.each(['?mode=0999', '?mode=0444', '?group=nobody-is-in-it', '?umask=7', '?'])(
    'is refused with %s',
    async (access) => {
      const refused = await balance({ listen: `unix:/tmp/never.sock${access}` }).then(
        () => 'listening',
        (error: Error) => error.message,
      )
      expect(refused).toContain('?mode=0660&group=NAME')
    },
  )
})
