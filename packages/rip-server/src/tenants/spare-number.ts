import { readdirSync, statSync } from 'node:fs'
import { linesOf } from '../settings/user-account.ts'

/** First of the numbers that no user has: systemd gives them to services while they run (`DynamicUser=`). */
const FIRST = 61_184
const LAST = 65_519

/**
 * A user number that no user of this machine has and no process runs as; the same one for the same seed, if possible.
 */
export function spareNumber(seed: string): number {
  const taken = new Set([...linesOf('passwd').map(([, , id]) => Number(id)), ...runningAs()])
  const count = LAST - FIRST + 1
  const start = Number(BigInt.asUintN(32, BigInt(Bun.hash(seed)))) % count
  const numbers = Array.from({ length: count }, (_, at) => FIRST + ((start + at) % count))
  return numbers.find((id) => !taken.has(id)) ?? FIRST
}

function runningAs(): readonly number[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  return pids.flatMap((pid) => statSync(`/proc/${pid}`, { throwIfNoEntry: false })?.uid ?? [])
}
