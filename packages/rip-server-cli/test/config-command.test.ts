import { expect, test } from 'bun:test'
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseCommandLine } from '../src/command-line/command-line.ts'
import { config } from '../src/commands/config.ts'
import { processTerminal } from '../src/terminal/terminal.ts'

test('config --sources names every option of the balancer that is set, and the files that were read', async () => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'rip-config-')))
  try {
    writeFileSync(
      join(folder, 'rip-server.config.ts'),
      `import { trust } from './trust'\nexport default { workers: 3,\n  balancer: { queue: { length: 9 }, retries: 0, forwarding: { trust } } }\n`,
    )
    writeFileSync(join(folder, 'trust.ts'), `export const trust = ['10.0.0.0/8']\n`)
    const [data, said]: [string[], string[]] = [[], []]
    const terminal = {
      ...processTerminal({ quiet: false, color: false }),
      data: (line: string) => void data.push(line),
      say: (line: string) => void said.push(line),
    }
    const line = parseCommandLine(['config', '--sources', '--log-format', 'json'])
    const env = { XDG_RUNTIME_DIR: join(folder, 'run'), PORT: '81' }
    expect(await config({ line, terminal, cwd: folder, env })).toBe(0)
    const rows = data.map((row) => row.split(/ {2,}/))
    expect(rows).toContainEqual(['port', '81', 'PORT'])
    expect(rows).toContainEqual(['logFormat', 'json', '--log-format json'])
    expect(rows).toContainEqual(['workers', '3', 'rip-server.config.ts:2:18'])
    expect(rows.filter(([key = '']) => key.startsWith('balancer.'))).toEqual([
      ['balancer.queue.length', '9', 'rip-server.config.ts:3:3'],
      ['balancer.retries', '0', 'rip-server.config.ts:3:3'],
      ['balancer.forwarding.trust', '["10.0.0.0/8"]', 'rip-server.config.ts:3:3'],
    ])
    expect(said).toEqual([expect.stringMatching(/^\nconfiguration: rip-server\.config\.ts, trust\.ts$/)])
  } finally {
    rmSync(folder, { recursive: true })
  }
})
