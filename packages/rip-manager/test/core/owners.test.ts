import { expect, test } from 'bun:test'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const MACHINE = join(import.meta.dir, '../../src/machine')

/** Every assignment to a member of the fleet. */
const ASSIGNMENT = /\bfleet\.(\w+) (?:[-+]|\?\?|&&|\|\|)?=(?!=)/g
/** A member of `Fleet`, or the comment that names the files that write the members below it. */
const LINE = /^ {2}(?:\/\*\* (?<comment>.*)|(?:readonly )?(?<member>\w+): )/

/** The files that may write each member, according to state.ts. */
function named(): ReadonlyMap<string, readonly string[]> {
  const text = readFileSync(join(MACHINE, 'state.ts'), 'utf8')
  const members = text.slice(text.indexOf('export interface Fleet {'))
  const owners = new Map<string, readonly string[]>()
  let files: readonly string[] = []
  for (const { groups } of members.split('\n').map((line) => LINE.exec(line) ?? { groups: undefined })) {
    if (groups?.['comment'] !== undefined)
      files = [...groups['comment'].matchAll(/`([\w-]+\.ts)`/g)].map(([, file]) => file!)
    if (groups?.['member'] !== undefined) owners.set(groups['member'], files)
  }
  return owners
}

test('each member of the fleet is written by the files that state.ts names, and by no other', () => {
  const owners = named()
  const strangers: string[] = []
  let assignments = 0
  for (const file of readdirSync(MACHINE)) {
    for (const [, member] of readFileSync(join(MACHINE, file), 'utf8').matchAll(ASSIGNMENT)) {
      assignments += 1
      if (owners.get(member!)?.includes(file) !== true) strangers.push(`${file} writes ${member}`)
    }
  }
  expect(strangers).toEqual([])
  expect(assignments).toBeGreaterThan(20)
})
