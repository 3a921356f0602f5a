import { describe, expect, test } from 'bun:test'
import {
  existsSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { until } from '@rip/testing'
import { balance } from '../../src/index.ts'
import type { ExchangeRecord } from '../../src/exchange/record.ts'
import { AccessLog } from '../../src/log/access-log.ts'
import { FileSink } from '../../src/log/file-sink.ts'
import { PartialWrite, TextBlocks, type LogSink } from '../../src/log/log-sink.ts'
import { TempFolder, named } from '../servers.ts'

const record = (changes: Partial<ExchangeRecord> = {}): ExchangeRecord => ({
  startedAt: Date.UTC(2026, 0, 2, 3, 4, 5, 678),
  method: 'GET',
  target: '/',
  host: 'example.com',
  protocol: 'HTTP/1.1',
  scheme: 'http',
  clientAddress: '192.0.2.1',
  requestId: 'r1',
  userAgent: '',
  referer: '',
  status: 200,
  cause: 'completed',
  bytesSent: 123,
  bytesReceived: 0,
  generation: 'g1',
  backend: 'a',
  reason: undefined,
  kind: 0,
  lot: 0,
  lotFailed: false,
  methodNumber: 1,
  held: false,
  answers: undefined,
  endedAtMs: 0,
  retries: 0,
  queueMs: 0,
  responseMs: 1.23456,
  totalMs: 2.5,
  ...changes,
})

class Collected implements LogSink {
  text = ''
  writes = 0

  write(text: string): void {
    this.text += text
    this.writes++
  }
}

async function lineOf(format: 'text' | 'json', changes: Partial<ExchangeRecord>): Promise<string> {
  const sink = new Collected()
  await using log = new AccessLog(format, new TextBlocks(sink))
  log.ended(record(changes))
  await log.close()
  return sink.text
}

const HOSTILE_NAMES = ['a\nb', 'a\r\nb', 'a\u2028b\u0085', 'a b" 200', '\u001b[2J', '\u202e']
const LINE_ENDS = /[\n\v\f\r\u0085\u2028\u2029]/

describe('a line of text', () => {
  test('has queue, retries and outcome only when they are not the usual ones', async () => {
    expect(await lineOf('text', {})).toBe('2026-01-02T03:04:05.678Z 192.0.2.1 "GET /" 200 123B 2.5ms a r1\n')
    const failed = {
      status: 502,
      cause: 'connect-failed',
      retries: 1,
      queueMs: 12.4,
      backend: undefined,
      reason: 'TLS: "no"',
    } as const
    expect(await lineOf('text', failed)).toBe(
      '2026-01-02T03:04:05.678Z 192.0.2.1 "GET /" 502 123B 2.5ms - queue=12ms retries=1 connect-failed "TLS: \\"no\\"" r1\n',
    )
  })

  test('cannot be forged, and drives no terminal', async () => {
    const line = await lineOf('text', { target: '/"\\\n\r\u001b[2J\u009b\u0000' })
    expect(line).toContain('"GET /\\"\\\\\\x0a\\x0d\\x1b[2J\\x9b\\x00"')
    expect(line.split('\n')).toHaveLength(2)
  })

  test('is one line with the same number of words, whatever the names of backend and request', async () => {
    for (const name of HOSTILE_NAMES) {
      const text = await lineOf('text', { backend: name, requestId: name })
      expect(text.split(LINE_ENDS)).toHaveLength(2)
      expect(text.split(' ')).toHaveLength(9)
      for (const char of ['\u001b', '\u202e']) expect(text).not.toContain(char)
    }
  })
})

describe('a line of JSON', () => {
  test('is one line, with any name of a backend', async () => {
    for (const name of HOSTILE_NAMES) {
      const json = await lineOf('json', { backend: name })
      expect(json.trimEnd().split(LINE_ENDS)).toHaveLength(1)
      expect(JSON.parse(json)).toMatchObject({ backend: name })
    }
  })

  test('decodes to what the client sent, without a control character in the line', async () => {
    const hostile = '/\n\u001b\u007f\u009b\u2028"\\'
    const line = await lineOf('json', { target: hostile, userAgent: hostile })
    expect(line.slice(0, -1)).toMatch(/^[\u0020-\u007e]*$/)
    expect(JSON.parse(line)).toMatchObject({ target: hostile, agent: hostile, sent: 123, responseMs: 1.235 })
  })
})

describe('the log', () => {
  test('writes many lines at once, in order', async () => {
    const sink = new Collected()
    await using log = new AccessLog('text', new TextBlocks(sink))
    for (let n = 0; n < 100; n++) log.ended(record({ requestId: `r${n}` }))
    expect(sink.writes).toBe(0)
    await until('the lines are written', () => sink.writes > 0)
    expect(sink.writes).toBe(1)
    const ids = sink.text
      .trimEnd()
      .split('\n')
      .map((line) => line.split(' ').at(-1))
    expect(ids).toEqual(Array.from({ length: 100 }, (_, n) => `r${n}`))
  })

  test('drops lines while the sink is stuck, instead of keeping ever more of them', async () => {
    const stuck = Promise.withResolvers<void>()
    let writes = 0
    await using log = new AccessLog('json', {
      writeBlocks: () => (++writes === 1 ? stuck.promise : undefined),
    })
    log.ended(record())
    await until('the first write', () => writes === 1)
    const long = record({ target: `/${'x'.repeat(10_000)}` })
    for (let n = 0; n < 1_000; n++) log.ended(long)
    expect(log.dropped).toBeGreaterThan(500)
    stuck.resolve()
    await log.close()
    expect(writes).toBe(2)
  })

  test('counts lines that a failing sink has lost, and goes on', async () => {
    const sink = new Collected()
    let full = true
    await using log = new AccessLog('text', {
      async writeBlocks(blocks) {
        if (full) throw new Error('ENOSPC')
        sink.write(Buffer.concat(blocks).toString())
      },
    })
    log.ended(record())
    log.ended(record())
    await until('both are lost', () => log.dropped === 2)
    full = false
    log.ended(record({ requestId: 'later' }))
    await log.close()
    expect(sink.text).toContain('later')
  })

  test('says how many lines are missing before the next one that is written', async () => {
    const sink = new Collected()
    let full = true
    const write = (text: string): void => {
      if (full) throw new Error('ENOSPC')
      sink.write(text)
    }
    for (const format of ['text', 'json'] as const) {
      full = true
      await using log = new AccessLog(format, new TextBlocks({ write }))
      log.ended(record())
      await until('it is lost', () => log.dropped === 1)
      full = false
      log.ended(record())
      await log.close()
    }
    expect(sink.text).toContain('# 1 lines lost\n')
    expect(sink.text).toContain('{"v":1,"lost":1}\n')
  })
})

describe('a loss of lines', () => {
  test('is reported once when it begins and once when it is over, while requests are served', async () => {
    using folder = new TempFolder()
    await using backend = named(folder, 'a')
    const file = folder.file('access.log')
    symlinkSync('/dev/full', file)
    const told: string[] = []
    await using lb = await balance(
      { listen: '127.0.0.1:0', to: backend.address, accessLog: { format: 'text', file } },
      { onWarning: (message) => void told.push(message) },
    )
    let served = 0
    const serve = async (): Promise<void> => {
      expect(await (await fetch(lb.url)).text()).toBe('a')
      served++
    }
    const full = `the access log ${file} cannot be written: ENOSPC: no space left on device, write; its lines are lost until it can, requests are still served`
    await serve()
    await until('it is told', () => told.length > 0)
    for (let n = 0; n < 5; n++) {
      await serve()
      await new Promise((resolve) => setTimeout(resolve, 110))
    }
    expect(told).toEqual([full])
    rmSync(file)
    await until('there is space', async () => {
      await serve()
      return existsSync(file)
    })
    await until('the end is told', () => told.length > 1)
    const lost = Number(/: (\d+) lines were lost$/.exec(told[1]!)?.[1])
    expect(told).toEqual([full, `the access log ${file} is written again: ${lost} lines were lost`])
    await lb.close()
    const [first, ...lines] = readFileSync(file, 'utf8').trimEnd().split('\n')
    expect(first).toBe(`# ${lost} lines lost`)
    expect(lines.length + lost).toBe(served)
  })

  test('is reported with its number when the log is closed before it is over', async () => {
    const told: string[] = []
    const write = (): never => {
      throw new Error('EPIPE')
    }
    await using log = new AccessLog('text', new TextBlocks({ write }), (message) => void told.push(message))
    log.ended(record())
    await log.close()
    expect(told).toEqual([
      expect.stringContaining('the access log cannot be written: EPIPE; '),
      'the access log was not written to the end: 1 line was lost',
    ])
  })

  test('is reported when the disk is too slow', async () => {
    const told: string[] = []
    const stuck = Promise.withResolvers<void>()
    let writes = 0
    await using log = new AccessLog(
      'json',
      { writeBlocks: () => (++writes === 1 ? stuck.promise : undefined) },
      (message) => void told.push(message),
    )
    log.ended(record())
    await until('the first write', () => writes === 1)
    const long = record({ target: `/${'x'.repeat(10_000)}` })
    for (let n = 0; n < 1_000; n++) log.ended(long)
    expect(told).toEqual([expect.stringContaining('what it goes to does not keep up')])
    stuck.resolve()
    await until('the end is told', () => told.length > 1)
    expect(told[1]).toBe(`the access log is written again: ${log.dropped} lines were lost`)
  })

  test('counts only lines that are incomplete', async () => {
    const told: string[] = []
    await using log = new AccessLog(
      'text',
      {
        writeBlocks(blocks) {
          const text = Buffer.concat(blocks)
          throw new PartialWrite(text.indexOf('\n') + 5, new Error('ENOSPC'))
        },
      },
      (message) => void told.push(message),
    )
    for (let n = 0; n < 3; n++) log.ended(record())
    await until('two are lost', () => log.dropped > 0)
    expect(log.dropped).toBe(2)
  })
})

describe('a log file', () => {
  test('that another process has left in the middle of a line continues with a new line', async () => {
    using folder = new TempFolder()
    const file = folder.file('a.log')
    writeFileSync(file, 'whole\nto')
    for (const line of ['a\n', 'b\n']) {
      await using sink = new FileSink(file)
      await sink.writeBlocks([Buffer.from(line)])
    }
    expect(readFileSync(file, 'utf8')).toBe('whole\nto\na\nb\n')
  })

  test('that was full in the middle of a line continues with a new line', async () => {
    using folder = new TempFolder()
    const file = folder.file('a.log')
    // Files of this program end after one block of 1024 bytes (setrlimit(2)), as on a disk that is full.
    const program = `
      const { FileSink } = await import(${JSON.stringify(new URL('../../src/log/file-sink.ts', import.meta.url).href)})
      const sink = new FileSink(${JSON.stringify(file)})
      const error = await sink.writeBlocks([Buffer.from('x'.repeat(1000) + '\\n'), Buffer.from('y'.repeat(100) + '\\n')]).catch((error) => error)
      console.log(error.constructor.name, error.bytesWritten)
      for await (const _ of Bun.stdin.stream()) {}
      await sink.writeBlocks([Buffer.from('z\\n')])
      await sink.close()`
    await using child = Bun.spawn(
      ['bash', '-c', 'trap "" XFSZ; ulimit -f 1; exec "$0" -e "$1"', process.execPath, program],
      {
        stdin: 'pipe',
        stdout: 'pipe',
        stderr: 'inherit',
      },
    )
    const reader = child.stdout.getReader()
    expect(Buffer.from((await reader.read()).value ?? []).toString()).toBe('PartialWrite 1024\n')
    truncateSync(file, 1_010)
    await child.stdin.end()
    expect(await child.exited).toBe(0)
    expect(readFileSync(file, 'utf8')).toBe(`${'x'.repeat(1000)}\n${'y'.repeat(9)}\nz\n`)
  })

  test('is for its owner and group: it holds whole queries', async () => {
    using folder = new TempFolder()
    const before = process.umask(0o022)
    try {
      await using sink = new FileSink(folder.file('a.log'))
      await sink.writeBlocks([Buffer.from('one\n')])
    } finally {
      process.umask(before)
    }
    expect(statSync(folder.file('a.log')).mode & 0o777).toBe(0o640)
  })

  test('notices by itself that it was rotated away, and no line is lost', async () => {
    using folder = new TempFolder()
    await using sink = new FileSink(folder.file('a.log'))
    await sink.writeBlocks([Buffer.from('0\n')])
    renameSync(folder.file('a.log'), folder.file('a.log.1'))
    let written = 0
    await until('the file is there again', async () => {
      await sink.writeBlocks([Buffer.from(`${++written}\n`)])
      return existsSync(folder.file('a.log'))
    })
    const all = readFileSync(folder.file('a.log.1'), 'utf8') + readFileSync(folder.file('a.log'), 'utf8')
    expect(all.trimEnd().split('\n').map(Number)).toEqual(Array.from({ length: written + 1 }, (_, n) => n))
  })

  test('is opened again for rotation, and no line is lost', async () => {
    using folder = new TempFolder()
    await using sink = new FileSink(folder.file('a.log'))
    await sink.writeBlocks([Buffer.from('one\n')])
    renameSync(folder.file('a.log'), folder.file('a.log.1'))
    await sink.writeBlocks([Buffer.from('two\n')])
    await sink.reopen()
    await sink.writeBlocks([Buffer.from('three\n')])
    expect(readFileSync(folder.file('a.log.1'), 'utf8')).toBe('one\ntwo\n')
    expect(readFileSync(folder.file('a.log'), 'utf8')).toBe('three\n')
  })

  test('whose folder appears later is written as soon as it can be', async () => {
    using folder = new TempFolder()
    await using sink = new FileSink(folder.file('logs/a.log'))
    const failed = sink.writeBlocks([Buffer.from('lost\n')])
    expect(failed).rejects.toThrow('ENOENT')
    await failed.catch(() => undefined)
    await Bun.write(folder.file('logs/other'), '')
    await sink.writeBlocks([Buffer.from('kept\n')])
    expect(readFileSync(folder.file('logs/a.log'), 'utf8')).toBe('kept\n')
  })
})
