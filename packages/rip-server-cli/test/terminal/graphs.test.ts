import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { bar, progressBar, sparkline } from '../../src/terminal/graphs.ts'
import { cellsOf } from '../../src/terminal/styled-line.ts'

describe('a bar', () => {
  test('shows eighths of a cell', () => {
    expect(bar(0.5, 4)).toBe('██  ')
    expect(bar(0.28125, 4)).toBe('█▏  ')
    expect(progressBar(0.5, 4)).toBe('██░░')
  })

  test('has its width, whatever it is to show', () => {
    fc.assert(
      fc.property(fc.double(), fc.integer({ min: 0, max: 40 }), (share, cells) => {
        expect(cellsOf(bar(share, cells))).toBe(cells)
        if (!Number.isNaN(share)) expect(cellsOf(progressBar(share, cells))).toBe(cells)
      }),
    )
  })
})

describe('a sparkline', () => {
  test('is relative to the greatest value, and does not draw what is not known', () => {
    expect(sparkline([undefined, 0, 1, 4, 8])).toBe(' ▁▁▄█')
  })

  test('is blank where nothing happens', () => {
    expect(sparkline([0, 0, 0])).toBe('   ')
  })
})
