import { expect, test } from 'bun:test'
import { ChildOutput } from '../../src/output/child-output.ts'

function output(): {
  readonly printed: string[]
  readonly warnings: string[]
  readonly write: (pid: number, text: string, stream?: 'stdout' | 'stderr') => void
  readonly child: ChildOutput
} {
  const printed: string[] = []
  const warnings: string[] = []
  const child = new ChildOutput({ accessLine: () => {}, warn: (message) => warnings.push(message) })
  const write = (pid: number, text: string, stream: 'stdout' | 'stderr' = 'stderr'): void =>
    child.route(
      { name: `w${pid}`, stream, text, bytes: Buffer.from(text), continues: false },
      { pid, print: () => printed.push(text) },
    )
  return { printed, warnings, write, child }
}

test('warnings of a worker are printed once it is ready, its other output at once', () => {
  const { printed, write, child } = output()
  write(1, 'complaint')
  write(2, 'of another')
  write(1, 'words', 'stdout')
  expect(printed).toEqual(['words'])
  child.ready(1)
  write(1, 'more')
  child.gone(2)
  child.ready(2)
  expect(printed).toEqual(['words', 'complaint', 'more'])
})

test('of endless output before a worker is ready the last part is kept', () => {
  const { printed, warnings, write, child } = output()
  for (let n = 0; n < 1_000; n++) write(1, `${n} ${'x'.repeat(1_000)}`)
  child.ready(1)
  expect(printed.length).toBeWithin(200, 300)
  expect(printed.at(-1)).toStartWith('999 ')
  expect(warnings).toEqual([
    `w1 wrote much to standard error before it was ready: the first ${1_000 - printed.length} lines are not shown here; rip-server logs has more`,
  ])
})
