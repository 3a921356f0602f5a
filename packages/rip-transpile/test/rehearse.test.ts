import { expect, test } from 'bun:test'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { rehearse } from '../src/rehearse.ts'

test('a rehearsal leaves nothing behind', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'rip-rehearse-'))
  expect(await rehearse(folder)).toBe(true)
  expect(readdirSync(folder)).toEqual([])
  rmSync(folder, { recursive: true })
})

test('without a folder nothing is rehearsed, and nothing fails', async () => {
  expect(await rehearse(join(tmpdir(), 'rip-rehearse-nowhere'))).toBe(false)
})
