import { expect, test } from 'bun:test'
import { type BalancerConfig, type ProgramIo, runBalancer } from '@rip/balancer'
import { until } from '@rip/testing'

/** The program in this process: the test makes its configuration, and calls its signal handlers. */
class Embedded implements AsyncDisposable {
  told = ''
  readonly ended: Promise<number>
  readonly #handlers = new Map<string, () => void>()

  constructor(configure: (reading: number) => Promise<BalancerConfig>) {
    let readings = 0
    const io: ProgramIo = {
      env: {},
      out: (text) => void (this.told += text),
      err: (text) => void (this.told += text),
      onSignal: (name, run) => {
        this.#handlers.set(name, run)
        return { [Symbol.dispose]: () => void this.#handlers.delete(name) }
      },
      configure: () => configure(readings++),
    }
    this.ended = runBalancer([], io)
  }

  signal(name: NodeJS.Signals): void {
    this.#handlers.get(name)?.()
  }

  says(text: string): Promise<unknown> {
    return until(`it says "${text}"`, () => this.told.includes(text))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.signal('SIGTERM')
    await this.ended
  }
}

const config = (queue: number): BalancerConfig => ({
  listen: '127.0.0.1:0',
  to: ['127.0.0.1:9'],
  queue: { length: queue },
})

test('configurations that arrive while one is being read take effect in their order', async () => {
  const first = Promise.withResolvers<BalancerConfig>()
  let readings = 0
  await using program = new Embedded(async (reading) => {
    readings = reading
    return reading === 1 ? first.promise : config(10 + reading)
  })
  await program.says('listening')
  program.signal('SIGHUP')
  program.signal('SIGHUP')
  await until('the first is read', () => readings > 0)
  expect(readings).toBe(1)
  first.resolve(config(11))
  await until('both are in force', () => program.told.split('configuration reloaded').length === 3)
  expect(readings).toBe(2)
})

test('if reading the configuration fails in any way, the running one stays', async () => {
  await using program = new Embedded(async (reading) => {
    if (reading === 1) throw new TypeError('the disk has gone')
    return config(10)
  })
  await program.says('listening')
  program.signal('SIGHUP')
  await program.says('kept the running configuration: the disk has gone')
  program.signal('SIGHUP')
  await program.says('configuration reloaded')
})
