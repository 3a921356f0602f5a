import { describe, expect, test } from 'bun:test'
import { type Command, commandArgv, commandText, parseCommand } from '../../src/settings/command.ts'
import { Unacceptable } from '../../src/settings/quantity.ts'

describe('a start command', () => {
  test.each<[string, Command, readonly string[]]>([
    ['npm start', 'npm start', ['sh', '-c', 'npm start']],
    ['PORT=$PORT exec x', 'PORT=$PORT exec x', ['sh', '-c', 'PORT=$PORT exec x']],
    ['["node","a b.js"]', ['node', 'a b.js'], ['node', 'a b.js']],
    ['[ -f x ] && run', '[ -f x ] && run', ['sh', '-c', '[ -f x ] && run']],
    ['[1]', '[1]', ['sh', '-c', '[1]']],
  ])('%s is read as words of a shell, or as a list', (text, command, argv) => {
    expect(parseCommand(text)).toEqual(command)
    expect(commandArgv(parseCommand(text))).toEqual(argv as [string])
  })

  test.each(['', '  ', '[]', '[""]', '["","x"]'])('%j is none', (text) => {
    expect(() => parseCommand(text)).toThrow(Unacceptable)
  })

  test('is shown as it would be written in a shell', () => {
    expect(commandText('npm start')).toBe('npm start')
    expect(commandText(['node', '--title=x', 'a b.js', "it's", ''])).toBe(
      `node --title=x 'a b.js' 'it'\\''s' ''`,
    )
  })
})
