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
    let written = 0
    const write = (text: string): void => {
      log.write(record(text))
      written += 1
    }
    mkdirSync(path)
    write('one')
    write('two')
    await until(() => said.length === 1)
    write('three')
    rmdirSync(path)
    await until(() => {
      if (said.length === 2) return true
      write('again')
      return false
    })
    expect(said).toEqual([
      expect.stringMatching(
        /^the log .*\/log cannot be written: EISDIR.*; its lines are lost until it can, requests are still served/,
      ),
      expect.stringMatching(/^the log .*\/log is written again: \d+ lines were lost$/),
    ])
    log.disown()
    await log.close()
    const kept = readFileSync(path, 'utf8')
      .split('\n')
      .flatMap((line) => readRecord(line) ?? [])
    const lost = Number(/(\d+) lines/.exec(said[1]!)![1])
    expect(lost).toBeGreaterThanOrEqual(2)
    expect(kept.length).toBeGreaterThan(0)
    expect(lost + kept.length).toBe(written)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await Bun.sleep(5)
}
