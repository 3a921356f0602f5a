import { runBalancer } from '@rip/balancer'
import type { Invocation } from '../invocation.ts'

/** Runs the balancer alone, in this process, with arguments of its own. */
export function balancer({ line, env }: Invocation): Promise<number> {
  return runBalancer(line.words, {
    program: 'rip-server balancer',
    env,
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    onSignal(name, run) {
      process.on(name, run)
      return { [Symbol.dispose]: () => void process.off(name, run) }
    },
  })
}
