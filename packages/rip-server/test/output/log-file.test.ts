import { expect, test } from 'bun:test'
import { mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LogFile, readRecord } from '../../src/output/log-file.ts'
import type { LogRecord } from '../../src/output/log-record.ts'

const record = (text: string): LogRecord => ({ name: 'w1', text, atMs: 1 }) as unknown as LogRecord

test('a log that cannot be written causes one message at the beginning and one at the end', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'log-'))
  try {
    const path = join(folder, 'log')
    const said: string[] = []
    await using log = new LogFile(path, (message) => said.push(message))
    mkdirSync(path)
    log.write(record('one'))
    log.write(record('two'))
    await until(() => said.length === 1)
    log.write(record('three'))
    rmdirSync(path)
    await until(() => {
      log.write(record('written'))
      return said.length === 2
    })
    expect(said).toEqual([
      expect.stringMatching(
        /^the log .*\/log cannot be written: EISDIR.*; its lines are lost until it can, requests are still served/,
      ),
      expect.stringMatching(/^the log .*\/log is written again: \d+ lines were lost$/),
    ])
    const kept = readFileSync(path, 'utf8')
      .split('\n')
      .flatMap((line) => readRecord(line) ?? [])
    expect(kept.length).toBeGreaterThan(0)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await Bun.sleep(5)
}
