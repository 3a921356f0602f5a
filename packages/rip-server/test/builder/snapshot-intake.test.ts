import { describe, expect, test } from 'bun:test'
import { chownSync, linkSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { makeWorkshop, removeWorkshop, takeIn } from '../../src/builder/snapshot-intake.ts'

const builder = { uid: 54_321, gid: 54_322 }

async function workshop(): Promise<
  AsyncDisposable & { readonly made: string; readonly taken: string; readonly folder: string }
> {
  const folder = await mkdtemp(join(tmpdir(), 'rip-intake-'))
  const made = join(folder, 'made')
  await makeWorkshop(made, builder)
  return {
    folder,
    made,
    taken: join(folder, 'taken'),
    async [Symbol.asyncDispose]() {
      await rm(folder, { recursive: true })
    },
  }
}

function write(path: string, text: string): void {
  writeFileSync(path, text)
  chownSync(path, builder.uid, builder.gid)
}

describe.skipIf(process.getuid?.() !== 0)('a snapshot by a builder of another user (needs root)', () => {
  test('is copied, readable for that user', async () => {
    await using place = await workshop()
    mkdirSync(join(place.made, 'files'))
    chownSync(join(place.made, 'files'), builder.uid, builder.gid)
    write(join(place.made, 'files/a'), 'code')
    write(join(place.made, 'manifest.json'), '{}')
    const before = process.umask(0o077)
    try {
      await takeIn(place.made, place.taken, builder, (name, bytes) =>
        name === 'manifest.json' ? 'changed' : bytes,
      )
    } finally {
      process.umask(before)
    }
    expect(readFileSync(join(place.taken, 'files/a'), 'utf8')).toBe('code')
    expect(readFileSync(join(place.taken, 'manifest.json'), 'utf8')).toBe('changed')
    const of = (path: string): string => {
      const { uid, gid, mode } = statSync(join(place.taken, path))
      return `${uid} ${gid} ${(mode & 0o777).toString(8)}`
    }
    expect([of('files'), of('files/a')]).toEqual(['0 54322 750', '0 54322 640'])
  })

  test('is refused if it has links that lead elsewhere, files of others, or entries that are no files', async () => {
    const plants: Readonly<Record<string, (folder: string, secret: string) => void>> = {
      'a link to a file': (folder, secret) => symlinkSync(secret, join(folder, 'a')),
      'a link to a folder': (folder, secret) => symlinkSync(join(secret, '..'), join(folder, 'a')),
      'another name of a file of root': (folder, secret) => linkSync(secret, join(folder, 'a')),
      'a pipe': (folder) => {
        Bun.spawnSync(['mkfifo', join(folder, 'a')])
        chownSync(join(folder, 'a'), builder.uid, builder.gid)
      },
    }
    for (const plant of Object.values(plants)) {
      await using place = await workshop()
      const secret = join(place.folder, 'secret')
      writeFileSync(secret, 'secret', { mode: 0o600 })
      plant(place.made, secret)
      expect(await takeIn(place.made, place.taken, builder).then(() => 'taken', String)).toMatch(
        /ELOOP|belongs to user 0|nothing a builder makes/,
      )
    }
  })

  test('may change afterwards: the copy does not', async () => {
    await using place = await workshop()
    write(join(place.made, 'a'), 'code')
    await takeIn(place.made, place.taken, builder)
    write(join(place.made, 'a'), 'other code')
    expect(readFileSync(join(place.taken, 'a'), 'utf8')).toBe('code')
    await removeWorkshop(place.made, builder)
    expect(readFileSync(join(place.taken, 'a'), 'utf8')).toBe('code')
  })
})
