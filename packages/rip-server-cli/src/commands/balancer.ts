import { type ProgramIo, runBalancer, splitWords } from '@rip/balancer'
import { readOwnWords } from '../command-line/command-line.ts'
import type { Invocation } from '../invocation.ts'
import { runJoined } from './run-joined.ts'

/** Flags that a balancer that joins takes in the form of `rip-server`, because the application may set them as well. */
const OWN_FLAGS: ReadonlySet<string> = new Set([
  'access-log',
  'drain-timeout',
  'max-body',
  'tls-cert',
  'tls-key',
])

/** Runs the balancer alone, in this process: for an application, or with backends of its own. */
export async function balancer(invocation: Invocation): Promise<number> {
  const { words } = invocation.line
  if (words.some((word) => word === '--help' || word === '-h')) invocation.terminal.data(HELP)
  if (standsAlone(words)) return runBalancer(withoutApp(words), programIo(invocation))
  const { balancer: flags, others } = splitWords(words, OWN_FLAGS)
  const line = readOwnWords('balancer', others)
  return runJoined({ ...invocation, line }, flags, programIo(invocation))
}

const HELP = `rip-server balancer: run only the balancer, for an application or any servers.

Usage  rip-server balancer [app] [options]
         joins the manager of an application, running or not yet: "rip-server
         manager" or a whole server. It listens where that is configured to, on
         port 3000 unless it says otherwise; any number of them share the port.
         Besides the options below it takes --port, --bind, --name, --run-dir
         and --config rip-server.config.ts.
       rip-server balancer --to ADDRESS [options]
         joins no manager: a balancer for any servers.

`

const OPERATIONS = ['status', 'requests', 'drain', 'undrain', 'check', 'completion']
/** Flags with which the balancer has backends, or gets them over its admin socket, so that it joins no manager. */
const TELLS_BACKENDS = /^--(?:to|admin)(?:=|$)/
const ASKS = /^(?:--help|-h|--version|-V)$/

function standsAlone(words: readonly string[]): boolean {
  if (OPERATIONS.includes(words[0] ?? '')) return true
  return words.some((word, at) => TELLS_BACKENDS.test(word) || ASKS.test(word) || isOwnFile(words, at))
}

/** A file in the form of `rip-balancer`, as opposed to the configuration of an application. */
function isOwnFile(words: readonly string[], at: number): boolean {
  const [, inline] = /^--config(?:=(.*))?$/s.exec(words[at]!) ?? [undefined, null]
  if (inline === null) return false
  return !/rip-server\.config\.[a-z]+$/.test(inline ?? words[at + 1] ?? '')
}

/** `bun run server` names the demo, which does not matter to a balancer with backends of its own. */
function withoutApp(words: readonly string[]): readonly string[] {
  const isApp = words.length > 1 && !words[0]!.startsWith('-') && words[1]!.startsWith('-')
  return isApp && !OPERATIONS.includes(words[0]!) ? words.slice(1) : words
}

function programIo({ env }: Invocation): ProgramIo {
  return {
    program: 'rip-server balancer',
    env,
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    onSignal(name, run) {
      process.on(name, run)
      return { [Symbol.dispose]: () => void process.off(name, run) }
    },
  }
}
