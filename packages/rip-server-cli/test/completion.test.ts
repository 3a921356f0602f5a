import { expect, test } from 'bun:test'
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { commands } from '../src/command-line/commands.ts'
import { bashCompletion } from '../src/command-line/completion/bash.ts'
import { allFlags } from '../src/command-line/completion/candidates.ts'
import { fishCompletion } from '../src/command-line/completion/fish.ts'
import { zshCompletion } from '../src/command-line/completion/zsh.ts'

/** What bash offers for the last word of each line, in a folder with `app.rip`, `my app.ts` and a folder `shop`. */
function offered(...lines: readonly (readonly string[])[]): string[][] {
  const folder = mkdtempSync(join(tmpdir(), 'rip-completion-'))
  try {
    for (const name of ['app.rip', 'my app.ts']) writeFileSync(join(folder, name), '')
    mkdirSync(join(folder, 'shop'))
    const program = join(folder, 'rip-server')
    writeFileSync(program, '#!/bin/sh\n[ "$*" = "ps --names" ] && echo shop-one && echo blog\n')
    chmodSync(program, 0o755)
    const tries = lines.map((words) => `try ${words.map((word) => `'${word}'`).join(' ')}`)
    const script = `${bashCompletion()}
try() { COMP_WORDS=(rip-server "$@"); COMP_CWORD=$#; _rip_server '${program}'; (IFS='|'; echo "\${COMPREPLY[*]}"); }
${tries.join('\n')}
`
    const { stdout, stderr, status } = spawnSync('bash', ['--noprofile', '--norc', '-u'], {
      cwd: folder,
      input: script,
      encoding: 'utf8',
    })
    expect([status, stderr]).toEqual([0, ''])
    return stdout
      .slice(0, -1)
      .split('\n')
      .map((line) => line.split('|').filter((word) => word !== ''))
  } finally {
    rmSync(folder, { recursive: true })
  }
}

test('bash completes commands, flags, values, instances and files', () => {
  const all = commands.map(({ name }) => name)
  expect(
    offered(
      ['re'],
      ['help', ''],
      ['logs', '--w'],
      ['--name', 'shop', 'logs', '--tim'],
      ['--tls-'],
      ['logs', '--log-format', ''],
      ['start', '--access-log', '=', 'j'],
      ['start', '--access-log', '='],
      ['logs', 'sh'],
      ['logs', '--name', 'b'],
      ['dev', 'my'],
      ['a'],
      ['start', '--static', ''],
      ['start', '--port', ''],
      ['completion', ''],
      ['start', '--', 'app'],
      ['ps', ''],
      ['dev', 'k', '='],
    ),
  ).toEqual([
    all.filter((name) => name.startsWith('re')),
    all,
    ['--worker'],
    ['--timestamps'],
    ['--tls-cert', '--tls-key'],
    ['text', 'json', 'raw'],
    ['json'],
    ['none', 'text', 'json'],
    ['shop-one', 'shop'],
    ['blog'],
    ['my app.ts'],
    ['app.rip'],
    ['shop'],
    [],
    ['bash', 'zsh', 'fish'],
    ['app.rip'],
    [],
    [],
  ])
})

test('the scripts of all shells have every command and flag', () => {
  for (const script of [bashCompletion(), zshCompletion(), fishCompletion()])
    for (const word of [...commands.map(({ name }) => name), ...allFlags().map(({ flag }) => flag)])
      expect(script).toMatch(new RegExp(`\\b${word}\\b`))
})
