import { describe, expect, test } from 'bun:test'
import { FLAGS, helpText } from '../../src/cli/flags.ts'
import { operationHelp, OPERATIONS } from '../../src/cli/operations.ts'
import { HELP_WIDTH, helpRows, wrapped } from '../../src/text/help-layout.ts'

const PROGRAM = 'rip-server balancer'

describe('help', () => {
  test('is at most 80 columns wide, in one form, with examples', () => {
    for (const help of [helpText(PROGRAM), ...OPERATIONS.map((name) => operationHelp(PROGRAM, name))]) {
      expect(help.split('\n').filter((line) => line.length > HELP_WIDTH)).toEqual([])
      expect(help).toMatch(
        /^rip-server balancer[^]+\.\n\nUsage {2}rip[^]+\n\nOptions\n[^]+\n\nExamples\n {2}rip/,
      )
    }
  })

  test('shows every flag and operation, and behind an operation only what that takes', () => {
    for (const name of [...FLAGS.map((flag) => `  --${flag.name} `), ...OPERATIONS])
      expect(`${helpText(PROGRAM)} `).toContain(name.trimEnd())
    expect(operationHelp(PROGRAM, 'drain')).toContain('--wait')
    expect(operationHelp(PROGRAM, 'check')).not.toMatch(/--wait|--admin/)
  })
})

describe('rows', () => {
  test('are wrapped below themselves, and behind a long left column begin on a line of their own', () => {
    const rows = helpRows([
      ['  -a', `${'word '.repeat(20)}end`],
      [`  ${'x'.repeat(30)}`, 'why'],
    ])
    expect(rows).toEqual([
      `  -a  ${'word '.repeat(14)}word`,
      '      word word word word word end',
      `  ${'x'.repeat(30)}`,
      '      why',
    ])
  })

  test('keep a word that is too long whole', () => {
    expect(wrapped('a bbbbbb c', 4)).toEqual(['a', 'bbbbbb', 'c'])
  })
})
