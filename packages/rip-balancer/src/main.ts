/** The program `rip-balancer`. */
import { runBalancer } from './cli/run-balancer.ts'

// Not awaited, since what is compiled ahead of time cannot wait at its top level.
void main()

async function main(): Promise<void> {
  /** One after the other, without `process.stdout`, whose streams take fifteen milliseconds to load. */
  let written: Promise<unknown> = Promise.resolve()
  process.exitCode = await runBalancer(process.argv.slice(2), {
    env: process.env,
    // EPIPE: the reader went away, which must not end a balancer.
    out: (text) => void (written = written.then(() => Bun.stdout.write(text)).catch(() => {})),
    err: (text) => void process.stderr.write(text),
    onSignal(name, run) {
      process.on(name, run)
      return { [Symbol.dispose]: () => void process.off(name, run) }
    },
  })
  await written
  process.exit()
}
