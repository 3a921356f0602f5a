/** The names of all commands but `start` and `dev`, so that a start need not load the table of commands to know what it is. */
const OTHERS: ReadonlySet<string> = new Set([
  'init',
  'reload',
  'restart',
  'rollback',
  'stop',
  'scale',
  'hold',
  'resume',
  'release',
  'status',
  'inspect',
  'trace',
  'why',
  'ps',
  'logs',
  'events',
  'top',
  'check',
  'config',
  'explain',
  'doctor',
  'balancer',
  'manager',
  'worker',
  'compile',
  'run',
  'help',
  'completion',
])

/** Whether these arguments mean `start` or `dev`, if anything: none of them is the name of another command. */
export function onlyServes(args: readonly string[]): boolean {
  return !args.some((arg) => OTHERS.has(arg))
}
