import { describe, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { HELP_WIDTH } from '@rip/balancer/text'
import { commands } from '../src/command-line/commands.ts'
import { commandHelp, overview, shownFlags } from '../src/command-line/help.ts'
import { manPage } from '../src/command-line/man-page.ts'
import { options } from '../src/command-line/options.ts'
import { exitCodeMeanings, SIGNAL_EXIT_MEANING } from '../src/exit-code.ts'
import { processTerminal } from '../src/terminal/terminal.ts'

const terminal = processTerminal({ quiet: false, color: false })
const helps = new Map([
  ['', overview(terminal)],
  ...commands.map((command) => [command.name, commandHelp(command, terminal)] as const),
])

describe('help', () => {
  test('is at most 80 columns wide, in one form', () => {
    for (const [name, help] of helps) {
      expect([name, help.split('\n').filter((line) => line.length > HELP_WIDTH)]).toEqual([name, []])
      const first = `rip-server${name === '' ? '' : ` ${name}`}`
      expect(help).toMatch(
        new RegExp(`^${first}: [^]+\\.\\n\\nUsage  ${first}[^]+\\n\\nExamples\\n(?:  .+\\n?){2,}`),
      )
    }
  })

  test('shows each flag that a command understands, or none that changes nothing', () => {
    for (const command of commands) {
      const shown = helps.get(command.name)!.match(/^ {2}(?:-\w, | {4})--[\w-]+/gm) ?? []
      expect(
        shown.map((flag) =>
          flag
            .trim()
            .replace(/^-\w, /, '')
            .slice(2),
        ),
      ).toEqual([...shownFlags(command)])
      for (const flag of command.idleFlags ?? []) expect(command.flags).toContain(flag)
    }
    expect(helps.get('logs')).not.toContain('the name of the folder')
    expect(helps.get('start')).not.toMatch(/--allow-host|--no-live|--install/)
    expect(helps.get('dev')).toMatch(/--allow-host[^]+--no-live[^]+--install/)
    expect(helps.get('status')).toContain('the exit code tells')
  })

  test('says how times and sizes are written, where some are taken', () => {
    expect(helps.get('start')).toContain(
      '\n\nTIME: 250ms, 10s, 5m, 1h, 1d. SIZE: 64KiB, 1MiB, 300M.\n\nExamples',
    )
    expect(helps.get('reload')).toContain('\n\nTIME: 250ms, 10s, 5m, 1h, 1d.\n\nExamples')
    for (const name of ['logs', 'ps', 'init']) expect(helps.get(name)).not.toContain('TIME: 250ms')
  })
})

describe('the page for man', () => {
  const page = manPage()

  test('has every command with its examples, every flag and every exit code', () => {
    const plain = page
      .replaceAll(/\\f[BIR]/g, '')
      .replaceAll('\\-', '-')
      .replaceAll('\\e', '\\')
    for (const { name, examples } of commands) {
      expect(plain).toContain(`\n.SS rip-server ${name}`)
      for (const example of examples) expect(plain).toContain(`\n${example}\n`)
    }
    for (const flag of new Set(commands.flatMap(shownFlags))) {
      const { short, value } = options.get(flag)!
      const names = `${short === undefined ? '' : `-${short}, `}--${flag}`
      expect(plain).toContain(`\n${names}${value === undefined ? '' : ` ${value}`}\n`)
    }
    for (const [code, meaning] of Object.entries(exitCodeMeanings))
      expect(plain).toContain(`\n.B ${code}\n${meaning}\n`)
  })

  test('has no line that roff would take for a request', () => {
    const lines = page.split('\n').filter((line) => /^[.']/.test(line))
    expect(lines.filter((line) => !/^\.(?:TH|SH|SS|TP|PP|B|br|in|nf|fi)(?: |$)/.test(line))).toEqual([])
  })
})

test('the documents say of each exit code what the page for man says', () => {
  const page = readFileSync(new URL('../../../docs/exit-codes-and-errors.md', import.meta.url), 'utf8')
  for (const [code, meaning] of [
    ...Object.entries(exitCodeMeanings),
    ['128+n', SIGNAL_EXIT_MEANING],
  ] as const)
    expect(page.replaceAll(/ +/g, ' ')).toContain(`\n| ${code} | ${meaning} |`)
})
