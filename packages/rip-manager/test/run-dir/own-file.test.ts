import { expect, test } from 'bun:test'
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readOwnFile, writeOwnFile } from '../../src/run-dir/own-file.ts'

test('a file that cannot be written leaves nothing behind', () => {
  const folder = mkdtempSync(join(tmpdir(), 'rip-own-file-'))
  try {
    writeOwnFile(join(folder, 'a'), 'text')
    mkdirSync(join(folder, 'b'))
    expect(() => writeOwnFile(join(folder, 'b'), 'text')).toThrow('EISDIR')
    expect(readdirSync(folder).toSorted()).toEqual(['a', 'b'])
    expect(readOwnFile(join(folder, 'a'))).toBe('text')
  } finally {
    rmSync(folder, { recursive: true })
  }
})
