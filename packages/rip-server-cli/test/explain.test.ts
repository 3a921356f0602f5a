import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseCommandLine } from '../src/command-line/command-line.ts'
import { explain } from '../src/commands/explain.ts'
import { processTerminal } from '../src/terminal/terminal.ts'

let folder: string

beforeAll(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'rip-explain-')))
  await mkdir(join(folder, 'shop'))
  await writeFile(join(folder, 'shop/index.js'), `export default () => new Response('')`)
})

afterAll(() => rm(folder, { recursive: true }))

/** What is printed, with runs of spaces as one. */
async function explained(...words: string[]): Promise<string> {
  const printed: string[] = []
  const terminal = {
    ...processTerminal({ quiet: false, color: false }),
    strong: (text: string) => text,
    data: (text: string) => void printed.push(text),
  }
  const line = parseCommandLine(['explain', ...words])
  expect(await explain({ line, terminal, cwd: folder, env: {} })).toBe(0)
  return printed.join('\n').replaceAll(/ +/g, ' ')
}

describe('explain', () => {
  test('says what compact words mean, in their order, and which settings come of them', async () => {
    const text = await explained('w:4', 'c:8', '8080', './shop')
    expect(text).toStartWith('rip-server w:4 c:8 8080 ./shop\n')
    expect(text).toMatch(/^ start .*, as no other command is named$/m)
    expect(text).toMatch(
      / w:4 --workers 4: .*\n c:8 --concurrency 8: .*\n 8080 --port 8080: .*\n \.\/shop the application/,
    )
    expect(text).toMatch(/ port 8080 8080\n workers 4 w:4\n concurrency 8 c:8$/m)
    expect(text).toContain('rip-server config --sources w:4 c:8 8080 ./shop')
  })

  test('takes a line as it was copied, and names the long form of short options', async () => {
    const text = await explained('$', 'bunx', 'rip-server', 'dev', './shop', '-p', '0', '--host')
    expect(text).toStartWith('rip-server dev ./shop -p 0 --host\n')
    expect(text).toMatch(/ dev serve an application while you edit it/)
    expect(text).toMatch(/ -p 0 --port 0: /)
    expect(text).toMatch(/ --host as --bind 0\.0\.0\.0: .*QR code/)
    expect(text).toContain('rip-server config --sources ./shop -p 0 --bind 0.0.0.0')
    expect(text).toMatch(/ bind 0\.0\.0\.0 --host$/m)
  })

  test('says what words of other commands are, without settings', async () => {
    const text = await explained('scale', '+1', 'shop')
    expect(text).toMatch(/ \+1 N\|\+N\|-N\n shop the application/)
    expect(text).not.toContain('settings')
  })

  test('keeps the order of options, however they are written, and hands on what another program reads', async () => {
    expect(await explained('-w2', './shop', '--port=80')).toMatch(/ -w 2 .*\n \.\/shop .*\n --port 80 /)
    expect(await explained('balancer', '--to', '127.0.0.1:3')).toMatch(/ --to 127\.0\.0\.1:3 handed on/)
  })

  test('says so when nothing differs from the defaults', async () => {
    expect(await explained('shop/index.js', '--json')).not.toContain('all settings')
    expect(await explained()).toContain('all settings have their defaults')
  })

  test('says why it would not start', async () => {
    expect(await explained('./no-such-folder')).toMatch(/it would not start: .*no-such-folder/)
  })

  test('refuses what would be refused', () => {
    expect(explained('w:4', '--prot')).rejects.toThrow('did you mean --port?')
  })
})
