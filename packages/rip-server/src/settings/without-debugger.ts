/** Variables by which Bun waits for a debugger, or connects to one, when it starts. */
const DEBUGGER_VARIABLES: ReadonlySet<string> = new Set([
  'BUN_INSPECT',
  'BUN_INSPECT_CONNECT_TO',
  'BUN_INSPECT_NOTIFY',
])

/** The flags that do the same, in `BUN_OPTIONS`. */
const DEBUGGER_FLAGS = /(?<!\S)--inspect(?:-wait|-brk)?(?:=\S*)?(?!\S)\s*/g

/**
 * An environment for further processes: each of them would listen at the one address that the user gave, and all but
 * the first would fail.
 */
export function withoutDebugger<T extends string | undefined>(
  env: Readonly<Record<string, T>>,
): Record<string, T | string> {
  const rest: Record<string, T | string> = {}
  for (const [name, value] of Object.entries(env)) {
    if (DEBUGGER_VARIABLES.has(name)) continue
    rest[name] = name === 'BUN_OPTIONS' && value !== undefined ? value.replaceAll(DEBUGGER_FLAGS, '') : value
  }
  return rest
}

/** Whether a debugger was asked for in the environment, where `bin/rip-server` leaves the variable empty. */
export function asksForDebugger(env: Readonly<Record<string, string | undefined>>): boolean {
  return env['BUN_INSPECT'] !== undefined || (env['BUN_OPTIONS'] ?? '').search(DEBUGGER_FLAGS) !== -1
}
