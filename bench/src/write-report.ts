import { writeFileSync } from 'node:fs'
import { cpus, release } from 'node:os'

/** Writes what was measured, and where, as JSON. @param file nothing is written without one */
export function writeReport(
  file: string | undefined,
  options: Readonly<Record<string, unknown>>,
  measured: Readonly<Record<string, unknown>>,
): void {
  if (file === undefined) return
  const machine = { kernel: release(), cpus: cpus().length, model: cpus()[0]?.model, bun: Bun.version }
  const at = new Date().toISOString()
  writeFileSync(file, JSON.stringify({ at, machine, options, ...measured }, null, 2))
}
