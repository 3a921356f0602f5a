import { expect, test } from 'bun:test'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

test('a configuration that is in its file need not be written again where the disk is full; another one has to be', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'rip-config-file-'))
  const path = join(folder, 'balancer.json')
  // From then on no byte can be written, as on a disk that is full.
  const program = `
    const { ConfigFile } = await import(${JSON.stringify(new URL('../../src/front/config-file.ts', import.meta.url).href)})
    const file = new ConfigFile(${JSON.stringify(path)})
    const outcomes = []
    const write = (text) => {
      try { outcomes.push(file.write(text) ?? 'written') } catch (error) { outcomes.push(error.code) }
    }
    write('one')
    Bun.spawnSync(['prlimit', '--fsize=0', '--pid', String(process.pid)])
    write('one')
    write('two')
    require('node:fs').rmSync(${JSON.stringify(path)})
    write('one')
    process.stdout.write(outcomes.join())`
  try {
    await using child = Bun.spawn(
      ['bash', '-c', 'trap "" XFSZ; exec "$0" -e "$1"', process.execPath, program],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    )
    expect(await child.stdout.text()).toBe('written,written,EFBIG,EFBIG')
    expect(readdirSync(folder)).toEqual([])
  } finally {
    rmSync(folder, { recursive: true })
  }
})
