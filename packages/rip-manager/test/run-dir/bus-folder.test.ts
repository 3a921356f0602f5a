import { describe, expect, test } from 'bun:test'
import { existsSync, mkdirSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isAlive } from '@rip/testing'
import {
  BUS_FOLDER,
  BusFolder,
  busKeyOf,
  clearBusFolder,
  removeBusFolder,
} from '../../src/run-dir/bus-folder.ts'
import { temporaryFolder } from '../real.ts'

/** So many looks that some of them meet a folder where a file was a moment ago. */
const ROUNDS = 20_000

test('only its owner can enter the folder, and it is made again after it was removed', async () => {
  await using folder = await temporaryFolder()
  const bus = new BusFolder(folder.path)
  expect(statSync(folder.at(BUS_FOLDER)).mode & 0o777).toBe(0o700)
  rmSync(folder.at(BUS_FOLDER), { recursive: true })
  bus.make()
  expect(existsSync(folder.at(BUS_FOLDER))).toBe(true)
})

test('a folder that cannot be made is no failure', async () => {
  await using folder = await temporaryFolder()
  writeFileSync(folder.at(BUS_FOLDER), '')
  expect(() => new BusFolder(folder.path)).not.toThrow()
})

test('what a worker left behind goes with it, and nothing of the others', async () => {
  await using folder = await temporaryFolder()
  const bus = new BusFolder(folder.path)
  for (const name of ['12', '12.sock', '1', '1.sock', '123', 'note'])
    writeFileSync(join(folder.at(BUS_FOLDER), name), '')
  bus.left(12)
  expect(readdirSync(folder.at(BUS_FOLDER)).toSorted()).toEqual(['1', '1.sock', '123', 'note'])
})

test('a worker that puts folders in the place of entries, again and again, does not make the manager fail', async () => {
  await using folder = await temporaryFolder()
  const bus = new BusFolder(folder.path)
  const entry = JSON.stringify(join(folder.at(BUS_FOLDER), '12'))
  const hostile = `const { mkdirSync, rmSync, writeFileSync } = require('node:fs')
    console.log('begins')
    for (;;) {
      try { writeFileSync(${entry}, '') } catch {}
      rmSync(${entry}, { force: true, recursive: true })
      try { mkdirSync(${entry}) } catch {}
      rmSync(${entry}, { force: true, recursive: true })
    }`
  await using worker = Bun.spawn([process.execPath, '-e', hostile], { stdout: 'pipe' })
  await worker.stdout.getReader().read()
  for (let round = 0; round < ROUNDS; round++) bus.left(12)
  expect(isAlive(worker.pid)).toBe(true)
  worker.kill('SIGKILL')
})

test('a start removes entries of workers that are gone and keeps those of workers that listen', async () => {
  await using folder = await temporaryFolder()
  const path = folder.at(BUS_FOLDER)
  mkdirSync(path)
  using listener = Bun.listen({ unix: join(path, '7.sock'), socket: { data() {} } })
  for (const name of ['7', '8', '8.sock', '9.sock']) writeFileSync(join(path, name), '')
  await clearBusFolder(path, path)
  expect(readdirSync(path).toSorted()).toEqual(['7', '7.sock'])
  listener.stop(true)
})

describe('the end of the instance', () => {
  test('removes the folder with what workers made', async () => {
    await using folder = await temporaryFolder()
    const path = folder.at(BUS_FOLDER)
    mkdirSync(path)
    for (const name of ['8', '8.sock']) writeFileSync(join(path, name), '')
    removeBusFolder(path)
    expect(existsSync(path)).toBe(false)
  })

  test('follows no link, and enters no folder a worker has made', async () => {
    await using folder = await temporaryFolder()
    const elsewhere = folder.at('elsewhere')
    const path = folder.at(BUS_FOLDER)
    mkdirSync(elsewhere)
    writeFileSync(join(elsewhere, '8'), '')
    symlinkSync(elsewhere, path)
    removeBusFolder(path)
    expect(readdirSync(elsewhere)).toEqual(['8'])
    rmSync(path)
    mkdirSync(join(path, '8'), { recursive: true })
    writeFileSync(join(path, '8', 'mine'), '')
    removeBusFolder(path)
    expect(existsSync(join(path, '8', 'mine'))).toBe(true)
  })
})

test('the key is another for each instance, and does not contain the secret it is made of', () => {
  const key = busKeyOf('one secret')
  expect(key).toBe(busKeyOf('one secret'))
  expect(key).not.toBe(busKeyOf('another secret'))
  expect(key).not.toContain('one secret')
})
