import { describe, expect, test } from 'bun:test'
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { bashCompletions } from '@rip/testing'
import { completedLines, SHELLS } from '../../src/cli/completion/candidates.ts'
import { completionScript } from '../../src/cli/completion/completion-script.ts'
import { FLAGS } from '../../src/cli/flags.ts'
import { OPERATIONS } from '../../src/cli/operations.ts'
import { runBalancer } from '../../src/cli/run-balancer.ts'
import { TempFolder } from '../servers.ts'

/** Lines, and what bash makes of them when it is asked for everything that completes their last word. */
const COMPLETED: Readonly<Record<string, string>> = {
  'rip-balancer ': `rip-balancer ${OPERATIONS.toSorted().join(' ')} `,
  'rip-balancer un': 'rip-balancer undrain ',
  'rip-balancer --po': 'rip-balancer --policy ',
  'rip-balancer --policy=le': 'rip-balancer --policy=learn least-requests ',
  'rip-balancer --half-close a': 'rip-balancer --half-close abort answer ',
  'rip-balancer --config b.': 'rip-balancer --config b.json ',
  'rip-balancer --to u': 'rip-balancer --to unix: ',
  'rip-balancer --admin=unix:b': 'rip-balancer --admin=unix:b.json bin/ ',
  'rip-balancer drain --config b.json ':
    'rip-balancer drain --config b.json 127.0.0.1:3000 127.0.0.1:3001 one ',
  'rip-balancer drain --config=b.json 127.0.0.1:': 'rip-balancer drain --config=b.json 127.0.0.1:3000 3001 ',
  'rip-balancer undrain --admin unix:/a 127.0.0.1:3001':
    'rip-balancer undrain --admin unix:/a 127.0.0.1:3001',
  'rip-balancer drain --w': 'rip-balancer drain --wait ',
  'rip-balancer drain --wait 3': 'rip-balancer drain --wait 3',
  'rip-balancer check b.': 'rip-balancer check b.json ',
  'rip-balancer completion f': 'rip-balancer completion fish ',
}

describe('completion', () => {
  test('by bash knows operations, flags, values, files, sockets and the backends of a balancer', async () => {
    using folder = new TempFolder()
    mkdirSync(folder.file('bin'))
    writeFileSync(folder.file('b.json'), '{}')
    // Prints the status of a balancer that was started with this file.
    const backends = ['one', '127.0.0.1:3000', '127.0.0.1:3001'].map((id) => ({ id, state: 'serving' }))
    writeFileSync(folder.file('status.json'), JSON.stringify({ pools: [{ name: 'app', backends }] }, null, 2))
    writeFileSync(
      folder.file('bin/rip-balancer'),
      `#!/bin/sh\ncase "$*" in "status --json --config"[\\ =]b.json) cat ${folder.file('status.json')} ;; esac\n`,
    )
    chmodSync(folder.file('bin/rip-balancer'), 0o755)
    const options = {
      script: completionScript('bash'),
      folder: folder.path,
      programs: folder.file('bin'),
    }
    const lines = Object.keys(COMPLETED)
    const completed = await bashCompletions(lines, options)
    expect(Object.fromEntries(lines.map((line, at) => [line, completed[at]]))).toEqual(COMPLETED)
  })

  test('has every operation and flag for each shell, and none that is not read', async () => {
    const names = [...OPERATIONS, ...FLAGS.map(({ name }) => name)]
    for (const shell of SHELLS) {
      const script = completionScript(shell)
      for (const name of names) expect(script).toMatch(new RegExp(`\\b${name}\\b`))
    }
    for (const { operation, flags } of completedLines())
      expect([operation, flags.filter(({ name }) => name === '')]).toEqual([operation, []])
  })

  test('is printed by the program, which says for which shells', async () => {
    const said: string[] = []
    const io = {
      env: {},
      out: (text: string) => void said.push(text),
      err: (text: string) => void said.push(text),
      onSignal: () => ({ [Symbol.dispose]() {} }),
    }
    expect(await runBalancer(['completion', 'zsh'], io)).toBe(0)
    expect(said).toEqual([completionScript('zsh')])
    expect(await runBalancer(['completion', 'csh'], io)).toBe(2)
    expect(said[1]).toBe('rip-balancer: there is a script for bash, zsh, fish, and none for "csh"\n')
    expect(await runBalancer(['completion'], io)).toBe(2)
    expect(said[3]).toBe('rip-balancer: completion needs bash, zsh or fish\n')
  })
})
