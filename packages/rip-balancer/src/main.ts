/** The program `rip-balancer`. */
import { runBalancer } from './cli/run-balancer.ts'

process.exitCode = await runBalancer(process.argv.slice(2), {
  env: process.env,
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  onSignal(name, run) {
    process.on(name, run)
    return { [Symbol.dispose]: () => void process.off(name, run) }
  },
})
process.exit()
