import { describe, expect, test } from 'bun:test'
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'acorn'
import { CompileError } from '../../src/compile-error.ts'
import { compile } from '../../src/compiler/index.ts'

/** Set to write what the compiler gives now instead of comparing with it. */
const isUpdating = process.env['UPDATE_SAMPLES'] === '1'
const root = join(import.meta.dir, 'samples')

interface Outcome {
  file: 'output.txt' | 'error.txt'
  text: string
}

function compileSample(name: string): Outcome {
  const source = readFileSync(join(root, name, 'input.rip'), 'utf8')
  try {
    return { file: 'output.txt', text: compile(source, { filename: 'input.rip' }).code }
  } catch (error) {
    if (!(error instanceof CompileError)) throw error
    return { file: 'error.txt', text: `${error.message}\n` }
  }
}

function update(name: string, { file, text }: Outcome): void {
  rmSync(join(root, name, file === 'output.txt' ? 'error.txt' : 'output.txt'), { force: true })
  writeFileSync(join(root, name, file), text)
}

describe('samples', () => {
  const names = readdirSync(root)

  test('are there', () => {
    expect(names.length).toBeGreaterThan(40)
  })

  for (const name of names) {
    test(name, () => {
      const outcome = compileSample(name)
      if (outcome.file === 'output.txt') parse(outcome.text, { ecmaVersion: 'latest', sourceType: 'module' })
      if (isUpdating) update(name, outcome)
      expect(existsSync(join(root, name, outcome.file))).toBe(true)
      expect(outcome.text).toBe(readFileSync(join(root, name, outcome.file), 'utf8'))
      expect(name.startsWith('rejected-')).toBe(outcome.file === 'error.txt')
    })
    if (name.startsWith('rejected-')) continue
    test(`${name} means the same with Windows line ends`, () => {
      const source = readFileSync(join(root, name, 'input.rip'), 'utf8')
      const code = compile(source.replaceAll('\n', '\r\n'), { filename: 'input.rip' }).code
      expect(code).toBe(compile(source, { filename: 'input.rip' }).code)
    })
  }
})
