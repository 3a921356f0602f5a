import { describe, expect, test } from 'bun:test'
import { count, durationMs, share, sizeBytes, someOf, Unacceptable } from '../../src/settings/quantity.ts'

describe('durations', () => {
  test.each([
    ['250ms', 250],
    ['30s', 30_000],
    ['1.5m', 90_000],
    ['2h', 7_200_000],
    ['1d', 86_400_000],
    ['0s', 0],
  ])('%s', (text, ms) => expect(durationMs(text)).toBe(ms))

  test.each(['30', '', 's', '-5s', '5 weeks', '1e3s', '5S'])('%p is refused', (text) => {
    expect(() => durationMs(text)).toThrow(Unacceptable)
  })
})

describe('sizes', () => {
  test.each([
    ['512B', 512],
    ['64KiB', 65_536],
    ['64KB', 64_000],
    ['300M', 314_572_800],
    ['1.5GiB', 1_610_612_736],
  ])('%s', (text, bytes) => expect(sizeBytes(text)).toBe(bytes))

  test.each(['512', 'MiB', '-1MiB', '5XB'])('%p is refused', (text) => {
    expect(() => sizeBytes(text)).toThrow(Unacceptable)
  })
})

describe('a refusal suggests what was probably meant', () => {
  const hint = (parse: (text: string) => number, text: string): string | undefined => {
    try {
      parse(text)
    } catch (error) {
      return (error as Unacceptable).meant
    }
    return 'nothing was wrong'
  }

  test.each([
    ['512', '512MiB'],
    ['536870912', '536870912B'],
    ['512mb', '512MB'],
    ['512mib', '512MiB'],
    ['1.5g', '1.5G'],
    ['5XB', undefined],
    ['lots', undefined],
  ])('the size %p', (text, meant) => expect(hint(sizeBytes, text)).toBe(meant))

  test.each([
    ['30', '30s'],
    ['30000', '30000ms'],
    ['30sec', '30s'],
    ['5S', '5s'],
    ['2 minutes', '2m'],
    ['100millis', '100ms'],
    ['5 weeks', undefined],
  ])('the duration %p', (text, meant) => expect(hint(durationMs, text)).toBe(meant))
})

test('some quantities must not be zero', () => {
  expect(someOf(sizeBytes)('1B')).toBe(1)
  expect(() => someOf(sizeBytes)('0MiB')).toThrow('more than 0')
})

describe('shares', () => {
  test.each([
    ['90%', 0.9],
    ['1%', 0.01],
    ['100%', 1],
    ['87.5%', 0.875],
  ])('%s', (text, value) => expect(share(text)).toBe(value))

  test('a percentage may lack its sign', () => {
    for (const text of ['90', '0.9'])
      expect(() => share(text)).toThrow(expect.objectContaining({ meant: '90%' }))
  })

  test.each(['90', '0.9', '0%', '101%', '-5%', '%', ''])('%p is refused', (text) => {
    expect(() => share(text)).toThrow('a share from 1% to 100%')
  })
})

test('counts are whole numbers within bounds', () => {
  expect(count('0', 0, 65_535)).toBe(0)
  for (const text of ['65536', '-1', '1.5', '1e3', ' 1', '0x10', '']) {
    expect(() => count(text, 0, 65_535)).toThrow('a whole number from 0 to 65535')
  }
})
