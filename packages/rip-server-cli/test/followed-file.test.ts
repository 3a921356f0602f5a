import { expect, test } from 'bun:test'
import { appendFileSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FollowedFile } from '../src/terminal/followed-file.ts'

test('lines from before the last rotation are read first, once', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'rip-log-'))
  const path = join(folder, 'log')
  appendFileSync(`${path}.1`, 'former\n')
  appendFileSync(path, 'one\n')
  await using file = new FollowedFile(path, `${path}.1`)
  const more = async (): Promise<string> => Buffer.from(await file.more()).toString()
  expect([await more(), await more(), await more()]).toEqual(['former\n', 'one\n', ''])
  appendFileSync(path, 'two\n')
  renameSync(path, `${path}.1`)
  appendFileSync(path, 'three\n')
  expect([await more(), await more(), await more()]).toEqual(['two\n', 'three\n', ''])
  rmSync(folder, { recursive: true })
})

test('nothing is lost when the file is replaced by a new one, or removed', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'rip-log-'))
  const path = join(folder, 'log')
  await using file = new FollowedFile(path)
  const more = async (): Promise<string> => Buffer.from(await file.more()).toString()
  expect(await more()).toBe('')
  appendFileSync(path, 'one\n')
  expect([await more(), await more()]).toEqual(['one\n', ''])
  appendFileSync(path, 'two\n')
  renameSync(path, `${path}.1`)
  appendFileSync(path, 'three\n')
  expect([await more(), await more()]).toEqual(['two\n', 'three\n'])
  appendFileSync(path, 'last\n')
  rmSync(path)
  expect([await more(), await more()]).toEqual(['last\n', ''])
  rmSync(folder, { recursive: true })
})
