import { expect, test } from 'bun:test'
import { BusMember } from '../../src/program/bus-member.ts'
import { Folder } from '../helpers.ts'

const MEBIBYTE = new Uint8Array(1_048_576)

test('what is published before a process has joined waits, up to as much as for a worker that does not read', async () => {
  using folder = new Folder()
  await using member = new BusMember()
  member.belongTo({ folder: folder.path, key: 'the secret' }, { library: undefined, keepsAlive: false })
  const taken = Array.from({ length: 20 }, () =>
    member.send({ topic: 't', data: MEBIBYTE, compress: undefined }),
  )
  expect(taken.indexOf(false)).toBe(16)
  expect(member.counts.dropped).toBe(4)
  await member.join()
  // There is nobody else.
  expect(member.send({ topic: 't', data: 'late', compress: undefined })).toBe(false)
  expect(member.counts.dropped).toBe(4)
})
