import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bundledProgram } from './bundle.ts'

/** Found from this package, so that an application need not install it. */
export function workerProgram(): string {
  const source = fileURLToPath(import.meta.resolve('@rip/worker/main'))
  return bundledProgram(packageFolder('@rip/worker'), 'main.js') ?? source
}

/** The worker process beside a start command. */
export function commandProgram(): string {
  const source = fileURLToPath(import.meta.resolve('@rip/worker/command'))
  return bundledProgram(packageFolder('@rip/worker'), 'command-main.js') ?? source
}

/** Loaded by every process of a command. */
export function commandPreload(): string {
  return join(packageFolder('@rip/worker'), 'src/command/preload/main.cjs')
}

export function balancerProgram(): string {
  const folder = packageFolder('@rip/balancer')
  const program = 'bin/rip-balancer'
  return bundledProgram(folder, program) ?? join(folder, program)
}

export function builderProgram(): string {
  const source = fileURLToPath(import.meta.resolve('@rip/transpile/builder'))
  return bundledProgram(packageFolder('@rip/transpile'), 'builder.js') ?? source
}

export function packageFolder(name: string): string {
  return dirname(fileURLToPath(import.meta.resolve(`${name}/package.json`)))
}
