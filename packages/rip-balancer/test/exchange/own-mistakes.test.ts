import { expect, test } from 'bun:test'
import { InProcess, timelessSettings } from './in-process.ts'

test('an internal error in a timer costs only that connection, and is reported', () => {
  const faults: unknown[] = []
  const settings = timelessSettings()
  const exchange = new InProcess({
    ...settings,
    timeouts: { ...settings.timeouts, responseMs: 50 },
    observer: { ...settings.observer, fault: (error) => void faults.push(String(error)) },
    errorPages: {
      ...settings.errorPages,
      render() {
        throw new Error('a mistake')
      },
    },
  })
  exchange.send(Buffer.from('GET / HTTP/1.1\r\nHost: h\r\n\r\n'))
  exchange.tick(exchange.nowMs + 100, 0)
  expect(faults).toEqual(['Error: a mistake'])
  expect(exchange.client.state).toBe('terminated')
  expect(exchange.inFlight).toBe(0)
})
