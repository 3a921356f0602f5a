import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { commands } from '../src/command-line/commands.ts'
import { parseCommandLine } from '../src/command-line/command-line.ts'
import { onlyServes } from '../src/only-serves.ts'

const names = commands.map(({ name }) => name)

/** The command that these words are read as; undefined where they are refused. */
function commandOf(args: readonly string[]): string | undefined {
  try {
    return parseCommandLine(args, () => true).command.name
  } catch {
    return undefined
  }
}

test('a command line without the name of another command serves, or is refused', () => {
  const word = fc.oneof(
    fc.constantFrom(...names, '--quiet', '-q', '--', 'w:4', '8080', './shop', '--port', '--help', '-1', ''),
    fc.string(),
  )
  fc.assert(
    fc.property(fc.array(word, { maxLength: 6 }), (args) => {
      if (onlyServes(args)) expect(['start', 'dev', undefined]).toContain(commandOf(args))
    }),
  )
})

test('every command but start and dev is told from them', () => {
  expect(names.filter((name) => onlyServes([name]))).toEqual(['start', 'dev'])
  expect(onlyServes(['--quiet', 'status'])).toBe(false)
  expect(onlyServes(['w:4', '8080', './shop'])).toBe(true)
})
