import { describe, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { until } from '@rip/testing'
import { codeMappings } from '../src/program/boot-pages.ts'
import { Folder, Supervised } from './helpers.ts'

const HELLO = `export default () => new Response('hello')`
const MEBIBYTE = 2 ** 20

test.skipIf(process.platform !== 'linux')(
  'a worker returns memory that only booting needed, and serves as before',
  async () => {
    await using worker = new Supervised(new Folder({ 'app.ts': HELLO }))
    await worker.received('ready')
    const bootedBytes = residentCode(worker.program.process.pid)
    await until(
      'less of the executable is resident',
      () => residentCode(worker.program.process.pid) < bootedBytes - 5 * MEBIBYTE,
    )
    expect(await (await worker.fetch('/')).text()).toBe('hello')
  },
)

describe('mappings of executable code', () => {
  const line = (rights: string, path: string) =>
    `01a40000-0684a000 ${rights} 01838000 fe:00 2146531      ${path}`

  test('are those of the running program', () => {
    expect(codeMappings(`${line('r-xp', '/opt/a b/bun')}\n`, '/opt/a b/bun')).toEqual([
      { address: 0x1a40000, length: 0x684a000 - 0x1a40000 },
    ])
  })

  test.each([
    ['that are written', line('rwxp', '/bin/bun')],
    ['that are shared with other processes', line('r-xs', '/bin/bun')],
    ['of constants', line('r--p', '/bin/bun')],
    ['of another file', line('r-xp', '/bin/bun2')],
    ['of a file replaced since', line('r-xp', '/bin/bun (deleted)')],
    ['of no file', '7f00-7f10 r-xp 00000000 00:00 0'],
    ['of an empty list', ''],
  ])('are not those %s', (_, maps) => {
    expect(codeMappings(maps, '/bin/bun')).toEqual([])
  })
})

/** Bytes of the executable's code that are resident, from proc_pid_smaps(5). */
function residentCode(pid: number): number {
  const code = readFileSync(`/proc/${pid}/smaps`, 'utf8').split(/^(?=[0-9a-f]+-[0-9a-f]+ )/m)
  const mapping = code.find((text) => / r-xp /.test(text) && text.split('\n')[0]!.endsWith(process.execPath))
  return Number(/^Rss:\s+(\d+) kB$/m.exec(mapping ?? '')?.[1]) * 1024
}
