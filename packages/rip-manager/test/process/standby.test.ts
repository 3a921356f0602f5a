import { expect, test } from 'bun:test'
import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { PassThrough } from 'node:stream'
import { isAlive, until } from '@rip/testing'
import { createSpawner, type ProcessSpawner } from '../../src/process/spawner.ts'
import type { ProcessSpec } from '../../src/contract/ports.ts'
import type { ChildLine } from '../../src/process/supervised-child.ts'
import { temporaryFolder, type TemporaryFolder } from '../real.ts'

/** Reports whether it stands by, prints its late environment, and waits for the end of its supervisor. */
const PROGRAM = `
  if [ "$RIP_STANDBY" = 1 ]; then echo standing by; read -r LATE; fi
  echo "$EARLY $NUMBER $LATE"
  exec cat
`

function specOf(number: number, folder: TemporaryFolder, early = 'early'): ProcessSpec {
  return {
    name: `w${number}`,
    command: ['sh', '-c', PROGRAM],
    cwd: folder.at('app'),
    env: { PATH: process.env['PATH'] ?? '', EARLY: early, NUMBER: String(number) },
    lateVariables: ['NUMBER', 'ABSENT'],
  }
}

interface Standing extends AsyncDisposable {
  readonly spawner: ProcessSpawner
  readonly lines: (ChildLine & { readonly pid: number })[]
  readonly folder: TemporaryFolder
  /** Starts the first process and waits for the next standby process; resolves with its pid. */
  standby(): Promise<number>
  text(name: string): string[]
}

async function standing(): Promise<Standing> {
  const lines: (ChildLine & { pid: number })[] = []
  const folder = await temporaryFolder()
  mkdirSync(folder.at('app'))
  const spawner = createSpawner({
    stdout: new PassThrough().resume(),
    stderr: new PassThrough().resume(),
    standby: true,
    route: (line, { pid }) => void lines.push({ ...line, pid }),
  })
  return {
    spawner,
    lines,
    folder,
    async standby() {
      spawner.spawn(specOf(1, folder))
      return until('one stands by', () => lines.find(({ name }) => name === 'standby')?.pid)
    },
    text: (name) => lines.filter((line) => line.name === name).map(({ text }) => text),
    async [Symbol.asyncDispose]() {
      await spawner.close()
      await folder[Symbol.asyncDispose]()
    },
  }
}

test('the next process is the standby one, with its own name and the rest of its environment', async () => {
  await using s = await standing()
  const pid = await s.standby()
  expect(s.text('w1')).toEqual(['early 1 '])
  expect(s.spawner.spawn(specOf(2, s.folder)).pid).toBe(pid)
  await until('it has spoken', () => s.text('w2').length > 0)
  expect(s.text('w2')).toEqual(['early  {"NUMBER":"2"}'])
})

test.each([
  ['another environment', (s: Standing) => specOf(2, s.folder, 'other'), () => {}],
  [
    'a changed .env file',
    (s: Standing) => specOf(2, s.folder),
    (s: Standing) => writeFileSync(s.folder.at('app/.env'), 'A=1'),
  ],
  [
    'a changed tsconfig.json in a folder above',
    (s: Standing) => specOf(2, s.folder),
    (s: Standing) => writeFileSync(s.folder.at('tsconfig.json'), '{}'),
  ],
])('one that was started with %s is of no use and ends', async (_what, spec, change) => {
  await using s = await standing()
  const pid = await s.standby()
  change(s)
  expect(s.spawner.spawn(spec(s)).pid).not.toBe(pid)
  await until('it has ended', () => !isAlive(pid))
})

test('one that was started before a change of what tsconfig.json extends, whatever its name, is of no use', async () => {
  await using s = await standing()
  mkdirSync(s.folder.at('shared'))
  writeFileSync(s.folder.at('app/tsconfig.json'), '{ // as editors write it\n"extends": ["../shared/jsx"], }')
  writeFileSync(s.folder.at('shared/jsx.json'), '{ "extends": "./all.json" }')
  writeFileSync(s.folder.at('shared/all.json'), '{ "extends": "./jsx.json" }')
  const pid = await s.standby()
  writeFileSync(s.folder.at('shared/all.json'), '{}')
  expect(s.spawner.spawn(specOf(2, s.folder)).pid).not.toBe(pid)
})

test('one can be prepared before anything was started, and is the first process then', async () => {
  await using s = await standing()
  s.spawner.prepare?.(specOf(1, s.folder))
  const pid = await until('one stands by', () => s.lines.find(({ name }) => name === 'standby')?.pid)
  expect(s.spawner.spawn(specOf(2, s.folder)).pid).toBe(pid)
  await until('it has spoken', () => s.text('w2').length > 0)
  expect(s.text('w2')).toEqual(['early  {"NUMBER":"2"}'])
})

test('one that is taken before it could stand by gets the rest of its environment all the same', async () => {
  await using s = await standing()
  s.spawner.prepare?.(specOf(1, s.folder))
  s.spawner.spawn(specOf(2, s.folder))
  await until('it has spoken', () => s.text('w2').some((text) => text.includes('NUMBER')))
  expect(s.text('w2').at(-1)).toBe('early  {"NUMBER":"2"}')
})

test('one that died is not used', async () => {
  await using s = await standing()
  const pid = await s.standby()
  process.kill(pid, 'SIGKILL')
  await until('it is buried', () => !isAlive(pid))
  const child = s.spawner.spawn(specOf(2, s.folder))
  expect(child.pid).not.toBe(pid)
  await until('the other one has spoken', () => s.text('w2').length > 0)
})

test('it ends with the spawner', async () => {
  const s = await standing()
  const pid = await s.standby()
  await s[Symbol.asyncDispose]()
  expect(isAlive(pid)).toBe(false)
})

test('none stands by in a folder that is gone, and there is no warning', async () => {
  await using s = await standing()
  const child = s.spawner.spawn(specOf(1, s.folder))
  await until('it has spoken', () => s.text('w1').length > 0)
  renameSync(s.folder.path, `${s.folder.path}-moved`)
  // Long enough for the next one to be started; an exception there would fail this test.
  await Bun.sleep(700)
  expect(s.lines.map(({ name }) => name)).not.toContain('standby')
  expect(() => s.spawner.spawn(specOf(2, s.folder))).toThrow('cannot start w2')
  renameSync(`${s.folder.path}-moved`, s.folder.path)
  expect(isAlive(child.pid)).toBe(true)
})
