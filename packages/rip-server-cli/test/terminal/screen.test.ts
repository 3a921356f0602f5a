import { describe, expect, test } from 'bun:test'
import { Screen } from '../../src/terminal/screen.ts'
import { line, span, type StyledLine } from '../../src/terminal/styled-line.ts'

function lines(...texts: string[]): StyledLine[] {
  return texts.map((text) => line(span(text)))
}

function opened(): { screen: Screen; writes: string[] } {
  const writes: string[] = []
  const screen = new Screen({ write: (bytes) => void writes.push(bytes), colored: false })
  screen.enter()
  writes.length = 0
  return { screen, writes }
}

const SIZE = { columns: 6, rows: 4 }

describe('a screen', () => {
  test('sends a frame in one write that a terminal shows at once', () => {
    const { screen, writes } = opened()
    screen.draw(lines('one', 'two'), SIZE)
    expect(writes).toEqual([
      '\u001b[?2026h\u001b[1;1Hone\u001b[K\u001b[2;1Htwo\u001b[K\u001b[3;1H\u001b[J\u001b[?2026l',
    ])
  })

  test('sends only rows that have changed, and nothing when none has', () => {
    const { screen, writes } = opened()
    screen.draw(lines('one', 'two', 'three'), SIZE)
    writes.length = 0
    screen.draw(lines('one', 'zwei', 'three'), SIZE)
    screen.draw(lines('one', 'zwei', 'three'), SIZE)
    expect(writes).toEqual(['\u001b[?2026h\u001b[2;1Hzwei\u001b[K\u001b[?2026l'])
  })

  test('erases what a shorter frame leaves', () => {
    const { screen, writes } = opened()
    screen.draw(lines('one', 'two', 'three'), SIZE)
    writes.length = 0
    screen.draw(lines('one'), SIZE)
    expect(writes).toEqual(['\u001b[?2026h\u001b[2;1H\u001b[J\u001b[?2026l'])
  })

  test('does not erase the last cell of a full row, on which the cursor stays', () => {
    const { screen, writes } = opened()
    screen.draw(lines('sixsix'), { columns: 6, rows: 1 })
    expect(writes).toEqual(['\u001b[?2026h\u001b[1;1Hsixsix\u001b[?2026l'])
  })

  test('sends everything again after a change of the size, and never more rows than there are', () => {
    const { screen, writes } = opened()
    screen.draw(lines('one', 'two', 'three', 'four', 'five'), SIZE)
    writes.length = 0
    screen.draw(lines('one', 'two', 'three', 'four', 'five'), { columns: 4, rows: 2 })
    expect(writes).toEqual(['\u001b[?2026h\u001b[1;1Hone\u001b[K\u001b[2;1Htwo\u001b[K\u001b[?2026l'])
  })

  test('gives back everything that it has taken, once', () => {
    const writes: string[] = []
    const screen = new Screen({ write: (bytes) => void writes.push(bytes), colored: false })
    screen.leave()
    screen.enter()
    screen.enter()
    screen.leave()
    screen.leave()
    screen.draw(lines('late'), SIZE)
    expect(writes).toEqual([
      '\u001b[?1049h\u001b[?25l\u001b[?7l',
      '\u001b[?2026l\u001b[0m\u001b[9999;1H\u001b[K\u001b[?7h\u001b[?25h\u001b[?1049l',
    ])
  })
})
