import { expect, test } from 'bun:test'
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { resolveConfig, type ResolvedConfig } from '../src/config/resolve-config.ts'
import { TempFolder } from './servers.ts'

const README = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
const PACKAGE = fileURLToPath(new URL('../src/index.ts', import.meta.url))

/** Programs of the page, each with what its `console.log` lines say they print. */
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

test('the defaults of the README are the defaults', () => {
  const rows = [...README.matchAll(/^\| `([\w.]+)` +\| `(.+?)` +\|$/gm)]
  expect(rows.length).toBeGreaterThan(15)
  const comparable = ({
    listeners,
    queueLength,
    queueTimeoutMs,
    retries,
    timeouts,
    limits,
    backends,
  }: ResolvedConfig): unknown => ({
    listeners,
    queueLength,
    queueTimeoutMs,
    retries,
    timeouts,
    limits,
    backends,
  })
  for (const [, option = '', value = ''] of rows) {
    const literal: unknown = JSON.parse(value.replaceAll("'", '"'))
    const [group, member] = option.split('.')
    const config = member === undefined ? { [group!]: literal } : { [group!]: { [member]: literal } }
    expect([option, comparable(resolveConfig(config))]).toEqual([option, comparable(resolveConfig({}))])
  }
})
