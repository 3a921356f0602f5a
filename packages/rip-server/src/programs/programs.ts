import { dirname, join } from 'node:path'
import { bundledProgram } from './bundle.ts'

/** Found from this package, so that an application need not install it. */
export function workerProgram(): string {
  return bundledProgram(packageFolder('@rip/worker'), 'main.js') ?? pathOf('@rip/worker/main')
}

/** The worker process beside a start command. */
export function commandProgram(): string {
  return bundledProgram(packageFolder('@rip/worker'), 'command-main.js') ?? pathOf('@rip/worker/command')
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
  return bundledProgram(packageFolder('@rip/transpile'), 'builder.js') ?? pathOf('@rip/transpile/builder')
}

/** Evaluates a configuration file. */
export function configEvaluator(): string {
  return join(packageFolder('@rip/server'), 'src/settings/config-evaluator.ts')
}

export function packageFolder(name: string): string {
  return dirname(pathOf(`${name}/package.json`))
}

/** By name, since this module may be part of a bundle. */
function pathOf(specifier: string): string {
  return Bun.resolveSync(specifier, import.meta.dir)
}
