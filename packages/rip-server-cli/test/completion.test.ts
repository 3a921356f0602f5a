import { expect, test } from 'bun:test'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { bashCompletions } from '@rip/testing'
import { commands } from '../src/command-line/commands.ts'
import { bashCompletion } from '../src/command-line/completion/bash.ts'
import { allFlags } from '../src/command-line/completion/candidates.ts'
import { fishCompletion } from '../src/command-line/completion/fish.ts'
import { zshCompletion } from '../src/command-line/completion/zsh.ts'

/** Lines, and what bash makes of them when it is asked for everything that completes their last word. */
const COMPLETED: Readonly<Record<string, string>> = {
  'rip-server re': `rip-server ${commands
    .map(({ name }) => name)
    .filter((name) => name.startsWith('re'))
    .toSorted()
    .join(' ')} `,
  'rip-server help hol': 'rip-server help hold ',
  'rip-server logs --w': 'rip-server logs --worker ',
  'rip-server --name shop:one logs --tim': 'rip-server --name shop:one logs --timestamps ',
  'rip-server w:2 --work': 'rip-server w:2 --workers ',
  'rip-server --tls-': 'rip-server --tls-cert --tls-key ',
  'rip-server logs --log-format ': 'rip-server logs --log-format json raw text ',
  'rip-server start --access-log=j': 'rip-server start --access-log=json ',
  'rip-server start --access-log=': 'rip-server start --access-log=json none text ',
  'rip-server logs --name=shop:o': 'rip-server logs --name=shop:one ',
  'rip-server logs --name bl': 'rip-server logs --name blog=x ',
  'rip-server logs shop:o': 'rip-server logs shop:one ',
  'rip-server logs shop:': 'rip-server logs shop:one two ',
  'rip-server logs blog=': 'rip-server logs blog=x ',
  'rip-server dev my': 'rip-server dev my\\ app.ts ',
  'rip-server dev "my a': 'rip-server dev "my app.ts" ',
  'rip-server dev app:': 'rip-server dev app:v2.ts ',
  'rip-server a': 'rip-server app.rip app\\:v2.ts ',
  'rip-server start --static sh': 'rip-server start --static shop\\:two ',
  'rip-server start --static=shop:': 'rip-server start --static=shop:two ',
  'rip-server completion z': 'rip-server completion zsh ',
  'rip-server start -- app.r': 'rip-server start -- app.rip ',
  'rip-server start --port 3': 'rip-server start --port 3',
  'rip-server ps a': 'rip-server ps a',
  'rip-server dev k=': 'rip-server dev k=',
}

test('bash completes commands, flags, values, instances and files, whatever it splits words at', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'rip-completion-'))
  try {
    for (const name of ['app.rip', 'app:v2.ts', 'my app.ts']) writeFileSync(join(folder, name), '')
    mkdirSync(join(folder, 'shop:two'))
    mkdirSync(join(folder, 'bin'))
    const program = join(folder, 'bin/rip-server')
    writeFileSync(program, '#!/bin/sh\n[ "$*" = "ps --names" ] && printf "%s\\n" shop:one blog=x\n')
    chmodSync(program, 0o755)
    const options = { script: bashCompletion(), folder, programs: join(folder, 'bin') }
    const lines = Object.keys(COMPLETED)
    const completed = await bashCompletions(lines, options)
    expect(Object.fromEntries(lines.map((line, at) => [line, completed[at]]))).toEqual(COMPLETED)
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('the scripts of all shells have every command and flag', () => {
  for (const script of [bashCompletion(), zshCompletion(), fishCompletion()])
    for (const word of [...commands.map(({ name }) => name), ...allFlags().map(({ flag }) => flag)])
      expect(script).toMatch(new RegExp(`\\b${word}\\b`))
})
