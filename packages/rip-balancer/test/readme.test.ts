import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { FLAGS } from '../src/cli/flags.ts'
import type { BalancerConfig } from '../src/config/config.ts'
import { resolveConfig } from '../src/config/resolve-config.ts'
import { documentedOptions, optionRows } from './option-table.ts'
import { TempFolder } from './servers.ts'

// Programs take long to start on a busy machine.
setDefaultTimeout(20_000)

const README = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
const PACKAGE = fileURLToPath(new URL('../src/index.ts', import.meta.url))

/** Programs of the page, each with the outputs that its `console.log` lines promise. */
const programs = [...README.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code = '']) => code)

for (const [at, code] of programs.entries()) {
  test(`example ${at + 1} of the README prints what it says`, async () => {
    using folder = new TempFolder()
    const file = folder.file('example.ts')
    writeFileSync(file, code.replace("'@rip/balancer'", JSON.stringify(PACKAGE)))
    const child = Bun.spawn(['bun', file], { stdout: 'pipe', stderr: 'inherit' })
    const printed = (await new Response(child.stdout).text()).trim().split('\n')
    const said = [...code.matchAll(/console\.log\(.*\/\/ (.+)$/gm)].flatMap(([line, text = '']) =>
      line.includes('completed') ? [] : text.split(' '),
    )
    expect(said.length).toBeGreaterThan(0)
    for (const word of said) expect(printed.join(' ')).toContain(word)
    expect(await child.exited).toBe(0)
  })
}

describe('the table of options', () => {
  test('is what the types say', () => {
    const rows = README.split('\n').filter((line) => /^\| `[\w.[\]]+` +\| .* \| .* \|$/.test(line))
    expect(rows.map((row) => row.replace(/ +/g, ' '))).toEqual(optionRows())
  })

  for (const { path, byDefault = '' } of documentedOptions()) {
    const value = literal(byDefault)
    if (value === undefined) continue
    test(`says the default of ${path}`, () => {
      expect(resolveConfig(configWith(path, value))).toEqual(resolveConfig(configWith(path, undefined)))
    })
  }

  test('explains every option', () => {
    expect(documentedOptions().filter(({ meaning }) => meaning === '')).toEqual([])
  })
})

test('the table of errors has every code', () => {
  const source = readFileSync(new URL('../src/errors.ts', import.meta.url), 'utf8')
  const codes = [...source.matchAll(/^ {2}([A-Z_]+): \(/gm)].map(([, code]) => code)
  const section = README.slice(README.indexOf('## Errors'))
  expect([...section.matchAll(/^\| `([A-Z_]+)` /gm)].map(([, code]) => code)).toEqual(codes)
})

test('the flags of the README are those of the program', () => {
  const flags = [...README.matchAll(/(?<=[\s`])--([a-z][a-z0-9-]*)/g)].map(([, flag = '']) => flag)
  const known = [...FLAGS.map(({ name }) => name), 'config', 'help', 'package', 'wait']
  expect(flags.filter((flag) => !known.includes(flag))).toEqual([])
})

/** `undefined` for words. */
function literal(text: string): unknown {
  return /^(?:'[^']*'|\d+|true|false|\[.*\])$/.test(text) ? JSON.parse(text.replaceAll("'", '"')) : undefined
}

/** A configuration with one option, and the options that it requires. */
function configWith(path: string, value: unknown): BalancerConfig {
  const [group = '', member] = path.split('.')
  const list = /^(\w+)\[\]$/.exec(group)?.[1]
  if (list !== undefined)
    return { [list]: [{ address: '127.0.0.1:1', ...(value !== undefined && { [member!]: value }) }] }
  if (value === undefined) return {}
  return member === undefined ? { [group]: value } : { [group]: { [member]: value } }
}
